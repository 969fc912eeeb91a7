#pragma once
// L1: the sigmoid schedule in continuous time.

#include <cmath>
#include <limits>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

namespace detail {

/// log sinh(x) for x >= 0 and log cosh(x), also where sinh and cosh overflow. -inf at x = 0.
inline double log_sinh(double x) {
    return x < 1 ? std::log(std::sinh(x)) : x + std::log1p(-std::exp(-2 * x)) - std::log(2.0);
}
inline double log_cosh(double x) {
    return std::abs(x) + std::log1p(std::exp(-2 * std::abs(x))) - std::log(2.0);
}

}  // namespace detail

/// alpha_t^2 = (S(end) - S(v)) / (S(end) - S(start)) with v = start + t (end - start) and S(v) =
/// 1/(1 + e^{-v/temperature}): variance preserving (Jabri, Fleet, Chen 2022, algorithm 1, without
/// its clipping). t in [0, 1]; at t = 1 alpha is 0, so noise prediction has to start below.
struct vp_sigmoid {
    double start = -3, end = 3, temperature = 1;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::vp_sigmoid");
        detail::require(std::isfinite(start), "diffusion::vp_sigmoid", "start must be finite",
                        start);
        detail::require(std::isfinite(end) && end > start, "diffusion::vp_sigmoid",
                        "end must be finite and exceed start", end);
        detail::require(temperature > 0 && temperature < std::numeric_limits<double>::infinity(),
                        "diffusion::vp_sigmoid", "temperature must be finite and positive",
                        temperature);
        // S(a) - S(b) = sinh(x) / (2 cosh(a/2) cosh(b/2)) with x = (a - b)/2, a sum of logarithms
        // in which nothing cancels at either end.
        const double scale = 0.5 / temperature, range = (end - start) * scale;
        const double log_whole = detail::log_sinh(range);
        const double log_cosh_v = detail::log_cosh((start + t * (end - start)) * scale);
        const double log_signal = detail::log_sinh((1 - t) * range) +
                                  detail::log_cosh(start * scale) - log_cosh_v - log_whole;
        const double log_noise =
            detail::log_sinh(t * range) + detail::log_cosh(end * scale) - log_cosh_v - log_whole;
        return {std::exp(0.5 * log_signal), std::exp(0.5 * log_noise),
                0.5 * (log_signal - log_noise)};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

}  // namespace diffusion
