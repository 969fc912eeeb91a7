#pragma once
// L4: DPM-Solver++ of two evaluations a step by its names.

#include <utility>

#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>

namespace diffusion {

/// DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1, r = 1/2), order 2:
///
///     singlestep(dpm_solver_pp_2s(nodes_of{schedule}), grid)
template <class Nodes>
auto dpm_solver_pp_2s(Nodes nodes) {
    return dpm_solver_pp<2>(std::move(nodes));
}

/// "DPM++ SDE" (Crowson 2022, k-diffusion), DPMSolverSDE of diffusers: 2S with both of its stages
/// made `ddim{eta}`, and the second asked for at the share r of the step in lambda. Weak order 1.
/// As published with `brownian_noise`.
template <class Nodes>
dpm_solver_singlestep<2, prediction::data, in_lambda<Nodes>> dpm_solver_pp_sde(Nodes nodes,
                                                                               double eta = 1,
                                                                               double r = 0.5) {
    return {in_lambda<Nodes>(std::move(nodes), {}, {r}), singlestep_form::published, eta,
            noise_share::of_ddim};
}

/// "DPM++ 2S ancestral" (Crowson 2022, k-diffusion). Weak order 2, two evaluations a step.
template <class Nodes>
auto dpm_solver_pp_2s_ancestral(Nodes nodes, double eta = 1) {
    return ancestral(dpm_solver_pp_2s(std::move(nodes)), eta);
}

}  // namespace diffusion
