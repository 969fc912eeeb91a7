#pragma once
// What a step back costs: the terms of the variational bound, and their slopes.

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_posterior.hpp>
#include <diffusion/discrete/categorical_process.hpp>

namespace diffusion {

/// One element's term of the bound (Austin et al. 2021, eq. 1), in nats, where p_0 = p(x_0 | x_t)
/// is the network's:
///
///     KL( q(x_s | x_t, x_0) || p_theta(x_s | x_t) )
///
/// For s = 0 the posterior is all in x_0, and the term L_0 = -log p_theta(x_0 | x_t).
///
/// `scratch`: K numbers, overwritten. `slope`: if not empty, the derivatives with respect to the
/// logits of p_0 (`probabilities_of`). With c_k = q(x_t | x_s = k), m = p_0 Q_s, r the posterior
/// and Z = sum c m:
///
///     d KL/d m_k = -r_k / m_k + c_k / Z =: g_k,   h = Q_s g,   d KL/d logit_i = p_i (h_i - p h)
template <categorical_kernel Q>
double categorical_divergence(const categorical_step<Q>& back, std::size_t x_t, std::size_t x_0,
                              std::span<const double> p_0, std::span<double> scratch,
                              std::span<double> slope = {}) {
    constexpr const char* function = "diffusion::categorical_divergence";
    const std::size_t K = back.jump.categories();
    detail::require_state(x_t, K, function);
    detail::require_state(x_0, K, function);
    detail::require(slope.empty() || slope.size() == K, function,
                    "there must be a slope for each state, or none", slope.size());
    const std::span<double> m = scratch;
    marginal(back.jump, p_0, m);
    double joint = 0, evidence = 0;  // q(x_t | x_0), and Z
    for (std::size_t k = 0; k < K; ++k) {
        joint += back.step(k, x_t) * back.jump(x_0, k);
        evidence += back.step(k, x_t) * m[k];
    }
    detail::require(joint > 0, function, "x_t must be a state that x_0 can come to", x_t);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) {
        const double c = back.step(k, x_t), r = c * back.jump(x_0, k) / joint;
        double g = c / evidence;
        if (r > 0 && m[k] > 0) {  // m_k is 0 only where r_k is next to nothing
            sum += r * std::log(back.jump(x_0, k) * evidence / (joint * m[k]));
            g -= r / m[k];
        }
        m[k] = g;
    }
    if (!slope.empty()) {
        expectation(back.jump, m, slope);
        double mean = 0;
        for (std::size_t i = 0; i < K; ++i) mean += p_0[i] * slope[i];
        for (std::size_t i = 0; i < K; ++i) slope[i] = p_0[i] * (slope[i] - mean);
    }
    return sum;
}

/// One element's share of L_T = KL( q(x_T | x_0) || p(x_T) ), in nats: what of x_0 is left in the
/// end. 0 for a process that ends with beta_T = 1; infinite where the prior lacks a state that x_0
/// can be in, as one that absorbs without having done so.
template <categorical_process P>
double prior_divergence(const P& process, std::size_t x_0) {
    const std::size_t K = process.categories();
    detail::require_state(x_0, K, "diffusion::prior_divergence");
    const kernel_of<P> end = process.kernel(0, process.steps());
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) {
        const double q = end(x_0, k), p = process.prior(k);
        if (q > 0) sum += p > 0 ? q * std::log(q / p) : std::numeric_limits<double>::infinity();
    }
    return sum;
}

}  // namespace diffusion
