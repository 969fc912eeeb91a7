#pragma once
// L2: noise levels at the quantiles of a beta distribution.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>

namespace diffusion {

namespace detail {

/// S = sum_k x^k prod_{j<k} (a + b + j)/(a + 1 + j), for which the incomplete beta function is
/// int_0^x u^{a-1} (1-u)^{b-1} du = x^a (1-x)^b S/a. All terms are positive; used for x <= 1/2.
inline double incomplete_beta_series(double x, double a, double b) {
    double term = 1, sum = 1;
    for (double k = 0; term > 1e-17 * sum; ++k) {
        term *= x * (a + b + k) / (a + 1 + k);
        sum += term;
    }
    return sum;
}

/// log of the incomplete beta function at x = e^y <= 1/2.
inline double log_incomplete_beta(double y, double a, double b) {
    const double x = std::exp(y);
    return a * y + b * std::log1p(-x) + std::log(incomplete_beta_series(x, a, b) / a);
}

/// The x <= 1/2 whose incomplete beta function is e^log_mass, by Newton's method for y = log x.
/// log I is convex in y for b < 1, concave for b > 1, and the start, exact for small x, lies on the
/// side from which Newton's method then converges monotonically.
inline double inverse_incomplete_beta(double log_mass, double a, double b) {
    const double log_half = std::log(0.5);
    double y = (log_mass + std::log(a)) / a;
    if (y > log_half) y = log_half;
    for (int i = 0; i < 60; ++i) {
        const double x = std::exp(y);
        const double slope = a / ((1 - x) * incomplete_beta_series(x, a, b));
        double refined = y - (log_incomplete_beta(y, a, b) - log_mass) / slope;
        if (refined > log_half) refined = log_half;
        const double change = std::abs(refined - y);
        y = refined;
        if (change <= 1e-15 * (1 + std::abs(y))) break;
    }
    return std::exp(y);
}

/// A number in [0, 1] by its distance from the nearer end.
struct near_an_end {
    double distance;
    bool from_one;
};

/// Quantile of the beta distribution at p, with 1 - p given apart.
inline near_an_end beta_quantile(double p, double one_minus_p, double a, double b) {
    // The two halves of the interval make up the whole integral; no gamma function is needed.
    const double log_half = std::log(0.5);
    const double log_below = log_incomplete_beta(log_half, a, b);
    const double log_above = log_incomplete_beta(log_half, b, a);
    const double log_whole = log_below + std::log1p(std::exp(log_above - log_below));
    const double log_mass = std::log(p) + log_whole;
    if (log_mass <= log_below) return {inverse_incomplete_beta(log_mass, a, b), false};
    return {inverse_incomplete_beta(std::log(one_minus_p) + log_whole, b, a), true};
}

inline void require_beta_shape(double shape, const char* function, const char* rule) {
    require(shape > 0 && shape <= 100, function, rule, shape);
}

}  // namespace detail

/// The x with I_x(a, b) = p, the inverse of the regularised incomplete beta function, relative to
/// the distance from the nearer end to about 1e-14 for a and b of the order of 1 and to 1e-13 for
/// both in [0.1, 10]; beyond, a very lopsided distribution costs digits. p in [0, 1]; a, b in (0,
/// 100].
inline double beta_quantile(double p, double a, double b) {
    detail::require(p >= 0 && p <= 1, "diffusion::beta_quantile", "p must lie in [0, 1]", p);
    detail::require_beta_shape(a, "diffusion::beta_quantile", "a must lie in (0, 100]");
    detail::require_beta_shape(b, "diffusion::beta_quantile", "b must lie in (0, 100]");
    if (p == 0 || p == 1) return p;
    const detail::near_an_end x = detail::beta_quantile(p, 1 - p, a, b);
    return x.from_one ? 1 - x.distance : x.distance;
}

/// sigma_min + (sigma_max - sigma_min) q with q the quantiles of a beta distribution at 1, ...,
/// 1/(n-1), 0: dense at both ends for a, b < 1 (Lee et al. 2024, "Beta sampling is all you need", a
/// = b = 0.6 in the references).
inline std::vector<double> beta_sigmas(std::size_t n, const sigma_range& range, double a = 0.6,
                                       double b = 0.6) {
    detail::require_sigmas(n, range, "diffusion::beta_sigmas");
    detail::require_beta_shape(a, "diffusion::beta_sigmas", "a must lie in (0, 100]");
    detail::require_beta_shape(b, "diffusion::beta_sigmas", "b must lie in (0, 100]");
    const double width = range.highest - range.lowest;
    return detail::falling_sigmas(n, range, "diffusion::beta_sigmas", [&](double u) {
        const detail::near_an_end q = detail::beta_quantile(1 - u, u, a, b);
        return q.from_one ? range.highest - q.distance * width : range.lowest + q.distance * width;
    });
}

}  // namespace diffusion
