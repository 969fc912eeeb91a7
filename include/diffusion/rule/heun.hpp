#pragma once
// L4: Heun's method in sigma/alpha.

#include <cstddef>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// Karras et al. 2022, algorithm 1: an Euler step of dx/dsigma = (x - D(x))/sigma, then the mean of
/// the slopes at both ends. Written for any schedule: with y = x/alpha and rho = sigma/alpha the
/// equation is dy/drho = eps-hat, so that
///
///     y_1 = (alpha_s/alpha_t) x_t + b eps-hat(x_t, t),     b = alpha_s (rho_s - rho_t),
///     x_s = (alpha_s/alpha_t) x_t + b/2 (eps-hat(x_t, t) + eps-hat(y_1, s)).
///
/// Order 2 in rho. Two evaluations a step, one in a step to clean data. Deterministic; `churned` adds
/// the noise of their algorithm 2. Throws std::invalid_argument where alpha = 0.
struct heun {
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::noise;

    stages<2> operator()(const grid_step& step) const {
        const auto& [i, n, t, s] = step;
        detail::require(t.alpha > 0, "diffusion::heun", "alpha must be positive at every node",
                        t.alpha);
        detail::require(s.alpha > 0, "diffusion::heun", "alpha must be positive at every node",
                        s.alpha);
        const gaussian_kernel<1> euler = detail::exponential_noise_step(t, s, 0);
        return detail::two_stages(t, s, s, euler, euler, 0.5);
    }
};

}  // namespace diffusion
