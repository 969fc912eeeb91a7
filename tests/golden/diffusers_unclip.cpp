// Ancestral sampling with fixed and learned variance against diffusers' UnCLIPScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/sampler/learned_variance.hpp>

#include "variance_runs.hpp"

using namespace golden;
using diffusion::node;

namespace {

bool learns_variance(const record& c) {
    return c.text("config.variance_type", "fixed_small_log") == "learned_range";
}

template <class T>
trajectory<T> run_case(const record& c, const schedule& levels, const diffusion::time_grid& grid) {
    const auto denoise = denoiser_of<T>(network_of<T>(c, levels), settings_of(c, true));
    if (learns_variance(c)) return run_learned<T>(grid, denoise);
    return run<T>(diffusion::multistep(diffusion::ddpm{}, grid), denoise);
}

// Without a next time each step of the reference goes from t to t - 1, wherever the next one
// begins.
template <class T>
trajectory<T> run_of_unit_steps(const record& c, const schedule& levels,
                                const diffusion::time_grid& grid) {
    std::vector<interval> intervals;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i)
        intervals.push_back({grid[i], grid[i].t > 0 ? diffusion::node_at(levels, grid[i].t - 1)
                                                    : diffusion::clean_node(levels)});
    const auto denoise = denoiser_of<T>(network_of<T>(c, levels), settings_of(c, true));
    if (learns_variance(c)) return run_with_learned_range<T>(intervals, denoise);
    return run_on<T>(intervals, diffusion::ddpm{}, denoise);
}

}  // namespace

TEST_CASE("ancestral sampling gives the numbers of diffusers' UnCLIPScheduler") {
    tally result("diffusers_unclip");
    double worst_float = 0;
    for (record& c : read("diffusers_unclip")) {
        CAPTURE(c.id);
        if (!c.has("config.beta_schedule")) c.set("config.beta_schedule", "squaredcos_cap_v2");
        const schedule levels = schedule_of(c);
        const std::vector<double> times =
            diffusion::linspace_times(levels.size(), c.count("set_timesteps.num_inference_steps"));
        CHECK(times == c.numbers("timesteps"));
        const diffusion::time_grid grid = diffusion::make_grid(levels, times);
        const double own = error_of(c, [&] { return run_case<double>(c, levels, grid); });
        const double by_kernels = c.flag("prev_timestep", true) ? own : error_of(c, [&] {
            return run_of_unit_steps<double>(c, levels, grid);
        });
        judge(result, c, own, by_kernels);
        if (own < 1e-9)
            worst_float =
                std::max(worst_float, final_error(c, run_case<float>(c, levels, grid).last));
    }
    result.finish();
    CHECK(worst_float < 3e-5);
}
