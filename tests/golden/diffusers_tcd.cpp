// Trajectory consistency distillation against diffusers' TCDScheduler.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/consistency.hpp>

#include "distilled_runs.hpp"

using namespace golden;

namespace {

template <class T>
trajectory<T> run_case(const record& c, const schedule& levels, const diffusion::time_grid& grid) {
    return run<T>(diffusion::multistep(diffusion::tcd{levels, c.number("step.eta")}, grid),
                  denoiser_of<T>(network_of<T>(c, levels), settings_of(c, false)));
}

}  // namespace

TEST_CASE("strategic stochastic sampling gives the numbers of diffusers' TCDScheduler") {
    tally result("diffusers_tcd");
    double worst_float = 0;
    for (const record& c : distilled_cases("diffusers_tcd")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        std::vector<double> times = distilled_times(c);
        CHECK(times == c.numbers("timesteps"));
        times.push_back(0);  // the network's own last level is the end, not clean data
        const diffusion::time_grid grid =
            diffusion::make_grid(levels, times, diffusion::grid_end::last_time);
        const double own = error_of(c, [&] { return run_case<double>(c, levels, grid); });
        judge(result, c, own, own);
        // On the cosine schedule alpha begins at 5e-5, which costs digits of x0-hat.
        const double in_float = final_error(c, run_case<float>(c, levels, grid).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 50 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}
