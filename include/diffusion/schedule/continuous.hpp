#pragma once
// L1: noise schedules in continuous time, each in the form that keeps its digits at both ends.

#include <cmath>
#include <limits>
#include <numbers>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

namespace detail {

inline void require_unit_time(double t, const char* function) {
    require(t >= 0 && t <= 1, function, "t must lie in [0, 1]", t);
}

}  // namespace detail

/// Variance preserving with beta(t) = beta_min + t (beta_max - beta_min), the limit of DDPM's
/// linear betas: log alpha_t = -t^2 (beta_max - beta_min)/4 - t beta_min/2  (Song et al. 2021, eq.
/// 33). t in [0, 1].
struct vp_linear {
    double beta_min = 0.1, beta_max = 20;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::vp_linear");
        detail::require(
            beta_min >= 0 && beta_max > beta_min, "diffusion::vp_linear",
            "beta_max must exceed beta_min, which must not be negative; beta_max is wrong",
            beta_max);
        return variance_preserving(-0.25 * t * t * (beta_max - beta_min) - 0.5 * t * beta_min);
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

/// alpha_t = cos(pi/2 (t + s)/(1 + s)) / cos(pi/2 s/(1 + s)): the cosine schedule of Nichol and
/// Dhariwal (2021, eq. 17) in continuous time, without the cap. t in [0, 1]; at t = 1 alpha is 0,
/// so noise prediction has to start below.
struct vp_cosine {
    double s = 0.008;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::vp_cosine");
        detail::require(s >= 0 && s < std::numeric_limits<double>::infinity(),
                        "diffusion::vp_cosine", "s must be finite and not negative", s);
        // With b = pi/2 s/(1+s) and a = b + pi/2 t/(1+s): cos a = sin(pi/2 (1-t)/(1+s)) near t = 1,
        // and 1 - alpha^2 = (cos^2 b - cos^2 a)/cos^2 b = sin(a - b) sin(a + b)/cos^2 b near t = 0.
        const double quarter = std::numbers::pi / 2 / (1 + s);
        const double cos_b = std::cos(quarter * s);
        const double alpha = std::sin(quarter * (1 - t)) / cos_b;
        const double sigma =
            std::sqrt(std::sin(quarter * t) * std::sin(quarter * (t + 2 * s))) / cos_b;
        return {alpha, sigma, std::log(alpha / sigma)};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

/// Variance exploding: alpha = 1, sigma_t = sigma_min (sigma_max/sigma_min)^t, a geometric ladder
/// (Song and Ermon 2019; Song et al. 2021, eq. 31). t in [0, 1].
struct ve_geometric {
    double sigma_min = 0.01, sigma_max = 50;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::ve_geometric");
        detail::require(sigma_min > 0 && sigma_max > sigma_min &&
                            sigma_max < std::numeric_limits<double>::infinity(),
                        "diffusion::ve_geometric",
                        "sigma_max must be finite and exceed sigma_min > 0; sigma_max is wrong",
                        sigma_max);
        const double log_sigma = (1 - t) * std::log(sigma_min) + t * std::log(sigma_max);
        return {1, std::exp(log_sigma), -log_sigma};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

/// alpha_t = 1, sigma_t = t: time is the noise level itself (Karras et al. 2022). t in [sigma_min,
/// sigma_max].
struct edm_schedule {
    double sigma_min = 0.002, sigma_max = 80;

    noise_level operator()(double t) const {
        detail::require(sigma_min > 0 && t >= sigma_min && t <= sigma_max,
                        "diffusion::edm_schedule", "t must lie in [sigma_min, sigma_max]", t);
        return variance_exploding_level(t);
    }
    double t_min() const { return sigma_min; }
    double t_max() const { return sigma_max; }
};

/// The straight line of flow matching and rectified flow: alpha_t = 1 - t, sigma_t = t (Lipman et
/// al. 2023; Liu et al. 2023, with time reversed so that t = 1 is noise). t in [0, 1].
struct flow_schedule {
    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::flow_schedule");
        return {1 - t, t, std::log1p(-t) - std::log(t)};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

}  // namespace diffusion
