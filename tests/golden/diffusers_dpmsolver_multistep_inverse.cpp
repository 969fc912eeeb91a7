// DPM-Solver++ from data to noise against diffusers' DPMSolverMultistepInverseScheduler.

#include <algorithm>
#include <cstddef>

#include <doctest/doctest.h>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::last_steps;

namespace {

// The same rules on the nodes of the DPM-Solver, cleanest first. The network is told the time at
// which a step begins; that all are times of the schedule spares `inverted`.
multistep_case inverse_case_of(const record& c) {
    multistep_case its = multistep_case_of(c, true);
    std::reverse(its.grid.begin(), its.grid.end());
    return its;
}

template <class T>
trajectory<T> run_case(const record& c, const multistep_case& its) {
    using diffusion::multistep;
    const auto ending = its.grid.size() <= 15 && c.flag("config.lower_order_final", true)
                            ? last_steps::falling_order
                            : last_steps::full_order;
    const auto denoise = denoiser_on<T>(c, its, its.grid);
    switch (c.count("config.solver_order", 2)) {
        case 1:
            return run<T>(multistep(diffusion::ddim{}, its.grid), denoise);
        case 2:
            return run<T>(multistep(diffusion::dpm_solver_pp_2m{}, its.grid, ending), denoise);
        default:
            return run<T>(multistep(diffusion::dpm_solver_pp_3m{}, its.grid, ending), denoise);
    }
}

}  // namespace

TEST_CASE("DPM-Solver++ backwards gives the numbers of DPMSolverMultistepInverseScheduler") {
    tally result("diffusers_dpmsolver_multistep_inverse");
    double worst_float = 0;
    for (const record& c : read("diffusers_dpmsolver_multistep_inverse")) {
        CAPTURE(c.id);
        const multistep_case its = inverse_case_of(c);
        CHECK(its.told_times() == c.numbers("timesteps"));
        const double own = error_of(c, [&] { return run_case<double>(c, its); });
        judge(result, c, own, own);
        const double in_float = final_error(c, run_case<float>(c, its).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}
