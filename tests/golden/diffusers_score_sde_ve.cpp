// Predictor-corrector sampling against diffusers' ScoreSdeVeScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "sigma_space_runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::time_grid;

namespace {

diffusion::ve_geometric schedule_of_case(const record& c) {
    return {c.number("config.sigma_min", 0.01), c.number("config.sigma_max", 1348)};
}

// The reference's times, on which the network knows the noise level, run from 1 down to
// sampling_eps; its levels, on which it steps, are those of equal times from 1 down to 0.
double told(const record& c, double t) {
    const double eps = c.number("config.sampling_eps", 1e-5);
    return eps + (1 - eps) * t;
}

time_grid grid_of(const record& c) {
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>(n - 1 - i) / static_cast<double>(n - 1);
    return diffusion::make_grid(schedule_of_case(c), times);
}

template <class T>
any_denoiser<T> denoiser_of_case(const record& c) {
    const auto score = [levels = schedule_of_case(c)](const std::vector<T>& x, double t,
                                                      std::vector<T>& out) {
        const double sigma = levels(t).sigma;
        for (std::size_t e = 0; e < x.size(); ++e)
            out[e] = static_cast<T>((0.3 - static_cast<double>(x[e])) / (0.25 + sigma * sigma));
    };
    return any_denoiser<T>::of(
        diffusion::predicts_score(score, [c](const node& n) { return told(c, n.t); }));
}

template <class T>
trajectory<T> run_case(const record& c, const time_grid& grid) {
    const diffusion::langevin how{c.number("config.snr", 0.15), c.count("config.correct_steps", 1),
                                  items};
    const diffusion::langevin_corrected sampler(diffusion::reverse_diffusion{.noise_at_end = true},
                                                grid, how);
    return run_from<T>(c.number("init_noise_sigma"), sampler, denoiser_of_case<T>(c));
}

}  // namespace

TEST_CASE(
    "Langevin-corrected reverse diffusion gives the numbers of diffusers' ScoreSdeVeScheduler") {
    tally result("diffusers_score_sde_ve");
    double worst_float = 0;
    for (const record& c : read("diffusers_score_sde_ve")) {
        CAPTURE(c.id);
        const time_grid grid = grid_of(c);
        std::vector<double> times;
        for (std::size_t i = 0; i + 1 < grid.size(); ++i) times.push_back(told(c, grid[i].t));
        CHECK(relative_error(times, c.numbers("timesteps")) < 1e-12);
        const double own = error_of(c, [&] { return run_case<double>(c, grid); });
        judge(result, c, own, own);
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c, grid).last));
    }
    result.finish();
    // The score comes from x0-hat, which has lost digits where sigma is large.
    CHECK(worst_float < 1e-3);
}
