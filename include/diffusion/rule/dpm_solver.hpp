#pragma once
// L4: the multistep DPM-Solvers as published: exponential Adams methods with two moments
// simplified.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// The multistep DPM-Solvers of order K = 2 or 3, on noise (Lu et al. 2022a) and on data
/// (DPM-Solver++, Lu et al. 2022b, algorithm 2). They are `exponential_adams<K>` but for the
/// moments Phi_k of its weight, the integrals of u^k over the step:
///
///     through two nodes    Phi_0/2 for Phi_1   ("midpoint"; "heun" is exact),
///     through three nodes  Phi_2/2 for Phi_2   (half of the quadratic term).
///
/// For data and two nodes that is, with a, b, c of the one-term step and r = (lambda_t -
/// lambda_u)/h, u the node of D_1, seen before t:
///
///     x_s = a x_t + b (D_0 + (D_0 - D_1)/(2 r)) + c z.
///
/// Both simplifications differ from the exact term by O(h^3) over a step and damp. So the order is
/// 2 for K = 2 and for K = 3 too: the third order is lost with the half term,
/// `exponential_adams<3>` has it. One evaluation a step. eta = 1 gives the SDE forms
/// (SDE-DPM-Solver++ KM for data, SDE-DPM-Solver for noise). The first step, and one of infinite h,
/// have order 1; on noise with eta > 0 end at a positive sigma, since the step to clean data would
/// add noise.
template <std::size_t K, prediction Prediction>
struct dpm_solver_multistep {
    static_assert(K == 2 || K == 3, "diffusion::dpm_solver_multistep: K must be 2 or 3");
    static_assert(Prediction != prediction::data_and_noise,
                  "diffusion::dpm_solver_multistep: extrapolate either prediction::data or "
                  "prediction::noise");

    double eta = 0;
    two_node_form form = two_node_form::midpoint;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        const auto simplify = [this](std::array<double, K>& moments, std::size_t count) {
            detail::first_moment{form}(moments, count);
            if (count == 3) moments[K - 1] /= 2;
        };
        return detail::exponential_adams_step<K, Prediction>(seen, s, eta, simplify);
    }
};

/// DPM-Solver++ 2M, the usual one.
using dpm_solver_pp_2m = dpm_solver_multistep<2, prediction::data>;
/// DPM-Solver++ 3M as published, of order 2.
using dpm_solver_pp_3m = dpm_solver_multistep<3, prediction::data>;
/// DPM-Solver on noise, two nodes.
using dpm_solver_2m = dpm_solver_multistep<2, prediction::noise>;
/// DPM-Solver on noise, three nodes, as published, of order 2.
using dpm_solver_3m = dpm_solver_multistep<3, prediction::noise>;

}  // namespace diffusion
