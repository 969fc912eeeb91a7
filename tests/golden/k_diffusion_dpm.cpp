// sample_dpm_fast and sample_dpm_adaptive of k-diffusion.

#include <cmath>
#include <cstddef>
#include <string>
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

template <class T>
trajectory<T> run_fast(const record& c) {
    const diffusion::time_grid grid = k_diffusion_grid(c);
    const auto plan = diffusion::dpm_fast(sigma_node, grid.size() - 1, range_of(grid),
                                          c.number("sampler_kwargs.eta", 0));
    return run_from<T>(grid[0].sigma, plan, k_diffusion_denoiser<T>(c));
}

/// A run that keeps x after attempts 2, 3 and 4, as the reference shows it.
template <class T, std::size_t K>
trajectory<T> run_adaptive_of_order(const record& c) {
    const diffusion::sigma_range range = range_of(k_diffusion_grid(c));
    diffusion::adaptive_options options;
    options.rtol = c.number("sampler_kwargs.rtol", options.rtol);
    const auto plan = diffusion::dpm_adaptive<K>(
        sigma_node, {sigma_node(range.highest), sigma_node(range.lowest)}, options);
    trajectory<T> path;
    path.last = initial_sample<T>();
    for (T& e : path.last) e = static_cast<T>(range.highest * static_cast<double>(e));
    const auto denoise = k_diffusion_denoiser<T>(c);
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

template <class T>
trajectory<T> run_adaptive(const record& c) {
    return c.count("sampler_kwargs.order", 3) == 2 ? run_adaptive_of_order<T, 2>(c)
                                                   : run_adaptive_of_order<T, 3>(c);
}

/// All cases of one of the reference's functions, by run(T{}, case) in double and in float.
template <class Run>
void compare(const std::string& name, double limit_in_float, Run run) {
    tally result("k_diffusion, " + name);
    for (const record& c : read("k_diffusion")) {
        if (c.text("sampler", "") != name) continue;
        CAPTURE(c.id);
        const double error = k_diffusion_error(c, run(double{}, c));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
        CHECK(final_error(c, run(float{}, c).last) < limit_in_float);
    }
    result.finish();
}

}  // namespace

TEST_CASE("DPM-Solver-fast gives the numbers of k-diffusion's sample_dpm_fast") {
    compare("sample_dpm_fast", 2e-5,
            [](auto T, const record& c) { return run_fast<decltype(T)>(c); });
}

TEST_CASE("the adaptive DPM-Solver gives the numbers of k-diffusion's sample_dpm_adaptive") {
    // The lengths of steps come from differences that keep few of a float's digits.
    compare("sample_dpm_adaptive", 1e-3,
            [](auto T, const record& c) { return run_adaptive<decltype(T)>(c); });
}
