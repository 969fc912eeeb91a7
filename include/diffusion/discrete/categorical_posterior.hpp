#pragma once
// The forward process run backwards: where x_0 is known, and where a network guesses it.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>
#include <diffusion/discrete/categorical_process.hpp>

namespace diffusion {

/// All that a step back from t to s has to know of the process.
template <categorical_kernel Q>
struct categorical_step {
    Q jump;  ///< q(x_s | x_0), which changes nothing where s = 0 is the data
    Q step;  ///< q(x_t | x_s)
};
template <class Q>
categorical_step(Q, Q) -> categorical_step<Q>;

/// The step of a process from t back to s < t; s = t - 1 is one of the process's own, others skip
/// some.
template <categorical_process P>
categorical_step<kernel_of<P>> step_back(const P& process, std::size_t t, std::size_t s) {
    detail::require(t <= process.steps(), "diffusion::step_back", "t must be one of 1 .. T", t);
    detail::require(s < t, "diffusion::step_back", "s must be cleaner than t", s);
    return {process.kernel(0, s), process.kernel(s, t)};
}

/// q(x_s | x_t, x_0) by Bayes' rule (Austin et al. 2021, eq. 3): out_k is proportional to
/// q(x_t | x_s = k) q(x_s = k | x_0). Throws std::invalid_argument for an x_t that cannot come from
/// x_0.
template <categorical_kernel Q>
void posterior(const categorical_step<Q>& back, std::size_t x_t, std::size_t x_0,
               std::span<double> out) {
    constexpr const char* function = "diffusion::posterior";
    const std::size_t K = back.jump.categories();
    detail::require_state(x_t, K, function);
    detail::require_state(x_0, K, function);
    detail::require(out.size() == K, function, "there must be a number for each state", out.size());
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += out[k] = back.step(k, x_t) * back.jump(x_0, k);
    detail::require(sum > 0, function, "x_t must be a state that x_0 can come to", x_t);
    for (std::size_t k = 0; k < K; ++k) out[k] /= sum;
}

/// p_theta(x_s | x_t), where the network says p_0 = p(x_0 | x_t) (Austin et al. 2021, eq. 4):
///
///     p_theta(x_s = k | x_t)  ~  sum over x_0 of q(x_s = k, x_t | x_0) p_0(x_0)
///                             =  q(x_t | x_s = k) (p_0 Q_s)_k,   Q_s = q(x_s | x_0)
///
/// in K operations where the kernels are structured. The sum is of joint probabilities, as printed,
/// not of posteriors. So the best p_0(x_0) ~ p(x_0 | x_t)/q(x_t | x_0) is what the other elements
/// of x_t tell of this one's x_0. That is p(x_0 | x_t) itself only where x_t does not tell (an
/// absorbing state). Their code has p_0 itself as the last step, to s = 0, for which eq. 4 gives
/// q(x_t | x_0) p_0(x_0), so that its L_0 is another one, and its networks learn to do without q
/// there. Throws std::invalid_argument unless p_0 is a distribution, and x_t can come from one of
/// its states.
template <categorical_kernel Q>
void p_theta(const categorical_step<Q>& back, std::size_t x_t, std::span<const double> p_0,
             std::span<double> out) {
    constexpr const char* function = "diffusion::p_theta";
    const std::size_t K = back.jump.categories();
    detail::require_state(x_t, K, function);
    detail::require_distribution(p_0, K, function);
    marginal(back.jump, p_0, out);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k) sum += out[k] *= back.step(k, x_t);
    detail::require(sum > 0, function, "x_t must be a state that some x_0 can come to", x_t);
    for (std::size_t k = 0; k < K; ++k) out[k] /= sum;
}

/// Least probability that `probabilities_of` gives a state: so small that it never matters, so
/// large that no logarithm of it is infinite.
inline constexpr double least_probability = 1e-30;

/// p = exp(logits) / sum exp(logits), but no p below `least_probability`. The logits may be -inf,
/// but not all of them. Throws std::invalid_argument for one that is infinite or no number.
template <class T>
void probabilities_of(std::span<const T> logits, std::span<double> p) {
    constexpr const char* function = "diffusion::probabilities_of";
    detail::require(!logits.empty() && logits.size() == p.size(), function,
                    "there must be a probability for each logit", p.size());
    double largest = static_cast<double>(logits[0]), sum = 0;
    for (const T value : logits)  // NaN, once met, stays
        if (!(static_cast<double>(value) <= largest) && !std::isnan(largest))
            largest = static_cast<double>(value);
    detail::require(std::isfinite(largest), function, "the largest logit must be finite", largest);
    for (std::size_t k = 0; k < p.size(); ++k)
        sum += p[k] = std::exp(static_cast<double>(logits[k]) - largest);
    for (double& value : p) {
        value /= sum;
        if (value < least_probability) value = least_probability;
    }
}

}  // namespace diffusion
