// Euler on the straight path, which is DDIM there, against diffusers'
// FlowMatchEulerDiscreteScheduler.

#include <algorithm>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>

#include "flow_runs.hpp"

using namespace golden;

namespace {

template <class T>
trajectory<T> run_case(const record& c, const diffusion::time_grid& grid) {
    if (c.flag("config.stochastic_sampling", false))
        return run<T>(diffusion::multistep(diffusion::consistency_sampling{}, grid),
                      flow_denoiser<T>(c));
    return run<T>(diffusion::multistep(diffusion::ddim{}, grid), flow_denoiser<T>(c));
}

}  // namespace

TEST_CASE("DDIM on the straight path gives the numbers of diffusers' FlowMatchEuler") {
    tally result("diffusers_flow_match_euler");
    double worst_float = 0;
    for (const record& c : read("diffusers_flow_match_euler")) {
        CAPTURE(c.id);
        const diffusion::time_grid grid =
            diffusion::make_grid(diffusion::flow_schedule{}, flow_times_of(c));
        std::vector<double> told;
        for (std::size_t i = 0; i + 1 < grid.size(); ++i)
            told.push_back(told_flow_time(c, grid[i].t));
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-12);
        const double own = error_of(c, [&] { return run_case<double>(c, grid); });
        judge(result, c, own, own);
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c, grid).last));
    }
    result.finish();
    CHECK(worst_float < 1e-5);
}
