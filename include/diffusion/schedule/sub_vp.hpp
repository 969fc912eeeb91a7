#pragma once
// L1: the sub-variance-preserving process.

#include <cmath>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// The alpha of `vp_linear` with sigma_t = 1 - alpha_t^2, less noise than the variance-preserving
/// sqrt(1 - alpha_t^2) at every time (Song et al. 2021, eq. 29). t in [0, 1].
struct sub_vp_linear {
    double beta_min = 0.1, beta_max = 20;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::sub_vp_linear");
        detail::require(
            beta_min >= 0 && beta_max > beta_min, "diffusion::sub_vp_linear",
            "beta_max must exceed beta_min, which must not be negative; beta_max is wrong",
            beta_max);
        const double log_alpha = -0.25 * t * t * (beta_max - beta_min) - 0.5 * t * beta_min;
        const double sigma = 0.0 - std::expm1(2 * log_alpha);
        return {std::exp(log_alpha), sigma, log_alpha - std::log(sigma)};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

}  // namespace diffusion
