// Latent consistency models against diffusers' LCMScheduler.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/grid/distilled.hpp>
#include <diffusion/rule/consistency.hpp>

#include "distilled_runs.hpp"

using namespace golden;

namespace {

template <class T>
trajectory<T> run_case(const record& c, const schedule& levels, const diffusion::time_grid& grid) {
    const auto inner = denoiser_of<T>(network_of<T>(c, levels), settings_of(c, false));
    return run<T>(diffusion::multistep(diffusion::lcm{}, grid),
                  any_denoiser<T>::of(
                      diffusion::with_boundary(inner, c.number("config.timestep_scaling", 10))));
}

}  // namespace

TEST_CASE("consistency sampling gives the numbers of diffusers' LCMScheduler") {
    tally result("diffusers_lcm");
    double worst_float = 0;
    for (const record& c : distilled_cases("diffusers_lcm")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const std::vector<double> times = distilled_times(c);
        CHECK(times == c.numbers("timesteps"));
        const diffusion::time_grid grid = diffusion::make_grid(levels, times);
        const double own = error_of(c, [&] { return run_case<double>(c, levels, grid); });
        judge(result, c, own, own);
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c, levels, grid).last));
    }
    result.finish();
    CHECK(worst_float < 2e-5);
}
