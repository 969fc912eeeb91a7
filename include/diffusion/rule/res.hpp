#pragma once
// L4: RES, the refined exponential solver, by its names.

#include <utility>

#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/exponential_adams.hpp>

namespace diffusion {

/// RES, multistep (Zhang et al. 2023; "res_multistep"): with phi_k those of
/// exponential integrators, h_1 = lambda_t - lambda_u the step before, c_2 = -h_1/h and u the node
/// of D_1,
///
///     x_s = (sigma_s/sigma_t) x_t + alpha_s h (b_1 D_0 + b_2 D_1),
///     b_2 = phi_2(-h)/c_2,     b_1 = phi_1(-h) - b_2,
///
/// the weights that meet all order conditions of order 2: an exponential Adams method. Order 2.
using res_multistep = exponential_adams<2>;

/// RES, singlestep (Zhang et al. 2023, c_2 = 1/2): the same conditions with D at an
/// inner node, which is DPM-Solver++(2S) with exact weights. Order 2.
template <class Nodes>
auto res_singlestep(Nodes nodes) {
    return dpm_solver_pp<2>(std::move(nodes), singlestep_form::taylor);
}

}  // namespace diffusion
