#pragma once
// L4: UniP and UniC as published: exponential Adams methods with one moment simplified.

#include <cstddef>
#include <span>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// The two forms of UniPC, B_1(h) = h and B_2(h) = e^h - 1. The solution of their linear system
/// does not depend on B, so that the choice matters only where a step has one difference of
/// predictions, whose weight is then 1/2 without solving anything.
inline constexpr two_node_form bh1 = two_node_form::unweighted, bh2 = two_node_form::midpoint;

/// UniP-K, the predictor of UniPC (Zhao et al. 2023, section 3, corollary 3.2). Their linear system
/// sum_m a_m r_m^(k-1) = phi_k asks for exactness on polynomials in lambda, so this is
/// `exponential_adams<K>`, but for steps on two predictions:
///
///     K = 1    DDIM
///     K = 2    `dpm_solver_multistep<2>`; with bh2 that is DPM-Solver++ 2M
///     K = 3    `exponential_adams<3>` after a step of order 2
///
/// Order K, one evaluation a step. eta as in `exponential_adams`; UniPC has eta = 0.
template <std::size_t K, prediction Prediction = prediction::data>
struct unip {
    static_assert(K >= 1 && K <= 4, "diffusion::unip: the order must lie in 1 .. 4");
    static_assert(Prediction != prediction::data_and_noise,
                  "diffusion::unip: extrapolate either prediction::data or prediction::noise");

    two_node_form form = bh2;
    double eta = 0;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        return detail::exponential_adams_step<K, Prediction>(seen, s, eta,
                                                             detail::first_moment{form});
    }
};

/// UniC-K, the corrector of UniPC (Zhao et al. 2023, section 3, theorem 3.1): the same with the
/// prediction at s, so `exponential_adams_moulton<K + 1>` but for steps on two predictions. Order K
/// + 1, which it lends to any predictor of order K; no evaluation of its own. K = 0 takes the
/// prediction at s as constant.
template <std::size_t K, prediction Prediction = prediction::data>
struct unic {
    static_assert(K <= 4, "diffusion::unic: K must lie in 0 .. 4");
    static_assert(Prediction != prediction::data_and_noise,
                  "diffusion::unic: extrapolate either prediction::data or prediction::noise");

    two_node_form form = bh2;
    double eta = 0;
    static constexpr std::size_t order = K + 1;
    static constexpr prediction extrapolates = Prediction;
    static constexpr bool corrects = true;

    gaussian_kernel<K + 1> operator()(std::span<const node> seen, const node& s) const {
        return detail::exponential_moulton_step<K + 1, Prediction>(seen, s, eta,
                                                                   detail::first_moment{form});
    }
};

}  // namespace diffusion
