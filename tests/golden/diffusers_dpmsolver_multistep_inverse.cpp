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
    check_family("diffusers_dpmsolver_multistep_inverse", inverse_case_of,
                 [](auto precision, const record& c, const multistep_case& its) {
                     return run_case<decltype(precision)>(c, its);
                 });
}
