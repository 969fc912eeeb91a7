// sample_dpm_fast and sample_dpm_adaptive of k-diffusion.

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/dpm_fast.hpp>

#include "sigma_space_runs.hpp"

using namespace golden;

namespace {

/// The levels between which a case runs: the first and the last positive one of its list.
diffusion::sigma_range range_of(const diffusion::time_grid& grid) {
    return {grid[grid.size() - 2].sigma, grid.front().sigma};
}

}  // namespace

TEST_CASE("DPM-Solver-fast gives the numbers of k-diffusion's sample_dpm_fast") {
    tally result("k_diffusion, sample_dpm_fast");
    for (const record& c : read("k_diffusion")) {
        if (c.text("sampler", "") != "sample_dpm_fast") continue;
        CAPTURE(c.id);
        const diffusion::time_grid grid = k_diffusion_grid(c);
        const auto plan = diffusion::dpm_fast(sigma_node, grid.size() - 1, range_of(grid),
                                              c.number("sampler_kwargs.eta", 0));
        const double error = k_diffusion_error(
            c, run_from<double>(grid[0].sigma, plan, k_diffusion_denoiser<double>(c)));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
    }
    result.finish();
}

namespace {

/// A run that keeps x after attempts 2, 3 and 4, as the reference shows it.
template <std::size_t K>
trajectory<double> run_adaptive(const record& c, const diffusion::time_grid& grid) {
    const diffusion::sigma_range range = range_of(grid);
    diffusion::adaptive_options options;
    options.rtol = c.number("sampler_kwargs.rtol", options.rtol);
    const auto plan = diffusion::dpm_adaptive<K>(
        sigma_node, {sigma_node(range.highest), sigma_node(range.lowest)}, options);
    trajectory<double> path;
    path.last = initial_sample<double>();
    for (double& e : path.last) e *= range.highest;
    const auto denoise = k_diffusion_denoiser<double>(c);
    auto memory = plan.init(path.last);
    std::size_t attempts = 0;
    for (bool arrived = false; !arrived;) {
        arrived = plan.attempt(0, path.last, memory, denoise, diffusion::no_noise{});
        if (++attempts > 1 && attempts <= 4) path.steps.push_back(path.last);
    }
    const auto spent = plan.spent(memory);
    CHECK(spent.accepted == c.count("info.n_accept"));
    CHECK(spent.rejected == c.count("info.n_reject"));
    // The reference asks for the prediction at t again after a rejection.
    CHECK(spent.evaluations + spent.rejected == c.count("info.nfe"));
    return path;
}

}  // namespace

TEST_CASE("the adaptive DPM-Solver gives the numbers of k-diffusion's sample_dpm_adaptive") {
    tally result("k_diffusion, sample_dpm_adaptive");
    for (const record& c : read("k_diffusion")) {
        if (c.text("sampler", "") != "sample_dpm_adaptive") continue;
        CAPTURE(c.id);
        const diffusion::time_grid grid = k_diffusion_grid(c);
        const double error = k_diffusion_error(c, c.count("sampler_kwargs.order", 3) == 2
                                                      ? run_adaptive<2>(c, grid)
                                                      : run_adaptive<3>(c, grid));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
    }
    result.finish();
}
