#pragma once
// L1: the circle of TrigFlow.

#include <cmath>
#include <limits>
#include <numbers>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// alpha_t = cos t, sigma_t = sigma_data sin t (Lu and Song 2025, section 3.1): variance preserving
/// for data of standard deviation sigma_data, where x_t has it at all times. t in [0, pi/2].
struct trigflow_schedule {
    double sigma_data = 1;

    noise_level operator()(double t) const {
        detail::require(t >= 0 && t <= t_max(), "diffusion::trigflow_schedule",
                        "t must lie in [0, pi/2]", t);
        detail::require(sigma_data > 0 && sigma_data < std::numeric_limits<double>::infinity(),
                        "diffusion::trigflow_schedule", "sigma_data must be finite and positive",
                        sigma_data);
        if (t == t_max()) return {0, sigma_data, -std::numeric_limits<double>::infinity()};
        const double alpha = std::cos(t), sigma = sigma_data * std::sin(t);
        return {alpha, sigma, std::log(alpha / sigma)};
    }
    double t_min() const { return 0; }
    double t_max() const { return std::numbers::pi / 2; }
};

}  // namespace diffusion
