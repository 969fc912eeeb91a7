#pragma once
// L3: the forward process, data to noise.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// q(x_t | x_0) = N(alpha_t x_0, sigma_t^2 I): a jump from data to any time (Ho et al. 2020, eq.
/// 4).
inline gaussian_kernel<0> forward_kernel(const noise_level& t) { return {t.alpha, {}, t.sigma}; }

/// q(x_t | x_s) from a cleaner level s to a noisier one t (Kingma et al. 2021, eq. 23):
/// mean alpha_t/alpha_s x_s, variance sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2 = sigma_t^2 (1 -
/// e^{2(lambda_t - lambda_s)}). For neighbouring times of DDPM: N(sqrt(1 - beta_t) x_{t-1}, beta_t
/// I) (Ho et al. 2020, eq. 2). Throws std::invalid_argument unless t is at least as noisy as s.
inline gaussian_kernel<0> forward_kernel(const noise_level& s, const noise_level& t) {
    detail::require(t.lambda <= s.lambda, "diffusion::forward_kernel",
                    "the second level must be at least as noisy as the first; its lambda is higher",
                    t.lambda);
    if (t.lambda == s.lambda) return {1, {}, 0};
    return {t.alpha / s.alpha, {}, t.sigma * std::sqrt(-std::expm1(2 * (t.lambda - s.lambda)))};
}

/// Draws x_t ~ q(x_t | x_0) = alpha_t x_0 + sigma_t z with the given standard normal z. All three
/// have one shape; x_t may be x_0 or z itself.
template <tensor X>
void q_sample(X& x_t, const X& x_0, const noise_level& t, const X& z) {
    ref(x_t) = t.alpha * ref(x_0) + t.sigma * ref(z);
}

/// The same for a batch in which item i has a level t[i] of its own, as in training.
/// Throws std::invalid_argument if the number of levels does not divide the number of elements.
template <tensor X>
void q_sample(X& x_t, const X& x_0, std::span<const noise_level> t, const X& z) {
    using T = scalar_t<X>;
    const std::span<const T> data = elements(x_0), noise = elements(z);
    for_each_item(x_t, t.size(), [&](std::size_t i, std::span<T> item) {
        const std::size_t first = i * item.size();
        assign(item, std::array<term<T>, 2>{{{t[i].alpha, data.subspan(first, item.size())},
                                             {t[i].sigma, noise.subspan(first, item.size())}}});
    });
}

}  // namespace diffusion
