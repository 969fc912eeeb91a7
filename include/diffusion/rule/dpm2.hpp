#pragma once
// L4: the midpoint method in log(sigma/alpha), by its names.

#include <utility>

#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>

namespace diffusion {

/// "DPM2" ("KDPM2"; Karras et al. 2022 and k-diffusion after Lu et al. 2022a, algorithm 1): a step
/// by the slope eps-hat of dy/drho = eps-hat, y = x/alpha and rho = sigma/alpha, at the middle r in
/// log rho,
///
///     y_r = y_t + (rho_r - rho_t) eps-hat(x_t, t),     rho_r = sqrt(rho_t rho_s),
///     y_s = y_t + (rho_s - rho_t) eps-hat(x_r, r),
///
/// which is DPM-Solver-2. `nodes` gives the node of any rho:
///
///     singlestep(dpm2(nodes_of{schedule}), grid)
///
/// Order 2, two evaluations a step, one in a step to clean data.
template <class Nodes>
auto dpm2(Nodes nodes) {
    return dpm_solver<2>(std::move(nodes));
}

/// "DPM2 ancestral" ("KDPM2 ancestral", Crowson 2022, k-diffusion). With eta = 1 the middle is the
/// grid's own next level. Weak order 2, two evaluations a step.
template <class Nodes>
auto dpm2_ancestral(Nodes nodes, double eta = 1) {
    return ancestral(dpm2(std::move(nodes)), eta);
}

}  // namespace diffusion
