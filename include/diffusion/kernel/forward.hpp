#pragma once
// L3: the forward process, data to noise. Numbers only; q_sample.hpp draws from it.

#include <cmath>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// q(x_t | x_0) = N(alpha_t x_0, sigma_t^2 I): a jump from data to any time (Ho et al. 2020,
/// eq. 4).
inline gaussian_kernel<0> forward_kernel(const noise_level& t) { return {t.alpha, {}, t.sigma}; }

/// q(x_t | x_s) from a cleaner level s to a noisier one t (Kingma et al. 2021, eq. 23):
///
///     mean      alpha_t/alpha_s x_s
///     variance  sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2
///               = sigma_t^2 (1 - e^{2 (lambda_t - lambda_s)})
///
/// For neighbouring times of DDPM: N(sqrt(1 - beta_t) x_{t-1}, beta_t I) (Ho et al. 2020, eq. 2).
/// Throws std::invalid_argument unless t is at least as noisy as s.
inline gaussian_kernel<0> forward_kernel(const noise_level& s, const noise_level& t) {
    detail::require(t.lambda <= s.lambda, "diffusion::forward_kernel",
                    "the second level must be at least as noisy as the first; its lambda is higher",
                    t.lambda);
    const double fall = t.lambda == s.lambda ? 0 : s.lambda - t.lambda;  // inf - inf is not wanted
    const double a = t.alpha == s.alpha ? 1 : t.alpha / s.alpha;         // nor is 0 / 0
    return {a, {}, t.sigma * std::sqrt(0 - std::expm1(-2 * fall))};
}

}  // namespace diffusion
