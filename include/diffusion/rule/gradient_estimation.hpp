#pragma once
// L4: gradient estimation, DDIM along an improved direction.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// Permenter and Yuan 2023 (algorithm 2): the denoiser taken for a projection on the data, eps-hat
/// is an estimate of the gradient of the squared distance to them, and is corrected by its latest
/// change,
///
///     x_s = (alpha_s/alpha_t) x_t
///           + alpha_s (rho_s - rho_t) (gamma eps-hat_0 + (1 - gamma) eps-hat_1),
///
/// rho = sigma/alpha; published for alpha = 1. gamma = 1 is DDIM, 3/2 with equal steps in rho is
/// `lms<2>`. The published 2 goes further than an integral would, for the sake of the projection:
/// order 1. One evaluation a step; the first step is DDIM. Throws std::invalid_argument unless
/// gamma is finite.
struct gradient_estimation {
    double gamma = 2;
    static constexpr std::size_t order = 2;
    static constexpr prediction extrapolates = prediction::noise;

    gaussian_kernel<2> operator()(std::span<const node> seen, const node& s) const {
        detail::require(std::isfinite(gamma), "diffusion::gradient_estimation",
                        "gamma must be finite", gamma);
        const auto [a, b, c] = detail::exponential_noise_step(seen[0], s, 0);
        const double now = seen.size() > 1 ? gamma : 1;
        return {a, {now * b[0], (1 - now) * b[0]}, 0};
    }
};

}  // namespace diffusion
