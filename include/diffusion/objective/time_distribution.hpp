#pragma once
// L3: distributions of the times at which a batch is trained, other than uniform.

#include <cmath>
#include <limits>
#include <numbers>

#include <diffusion/detail/normal_quantile.hpp>
#include <diffusion/detail/require.hpp>

namespace diffusion {

namespace detail {

inline double normal_at(double u, double mean, double std, const char* function) {
    require(std::isfinite(mean), function, "the mean must be finite", mean);
    require(std > 0 && std::isfinite(std), function,
            "the standard deviation must be finite and positive", std);
    return mean + std * normal_quantile(u);
}

}  // namespace detail

// Each is a callable from u in (0, 1) to the time t with P(T <= t) = u; see `time_distribution`.

/// log t ~ N(mean, std^2): the noise levels of Karras et al. (2022, table 1, P_mean and P_std), for
/// a schedule on which t is sigma, such as `edm_schedule`. They have no bounds, so give that one
/// wide ones.
struct log_normal_times {
    double mean = -1.2, std = 1.2;

    double operator()(double u) const {
        return std::exp(detail::normal_at(u, mean, std, "diffusion::log_normal_times"));
    }
};

/// log(t/(1 - t)) ~ N(mean, std^2): most often the middle of a straight path, where the direction
/// is hardest to tell (Esser et al. 2024, eq. 19). For `flow_schedule`, t = 1 noise.
struct logit_normal_times {
    double mean = 0, std = 1;

    double operator()(double u) const {
        return 1 /
               (1 + std::exp(-detail::normal_at(u, mean, std, "diffusion::logit_normal_times")));
    }
};

/// "Mode sampling with heavy tails" (Esser et al. 2024, eq. 20), t = 1 - v - scale (cos^2(pi v/2) -
/// 1 + v) with v = 1 - u, which has density at both ends: more of it in the middle for scale > 0,
/// at the ends for scale < 0, uniform for 0. For `flow_schedule`. Throws std::invalid_argument
/// unless -1 <= scale <= 2/(pi - 2), where t rises with u.
struct mode_times {
    double scale = 1.29;

    double operator()(double u) const {
        detail::require(scale >= -1 && scale <= 2 / (std::numbers::pi - 2), "diffusion::mode_times",
                        "the scale must lie in [-1, 2/(pi - 2)]", scale);
        const double sine = std::sin(0.5 * std::numbers::pi * u);
        return u - scale * (sine * sine - u);
    }
};

}  // namespace diffusion
