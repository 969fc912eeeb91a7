#pragma once
// L1: the betas of discrete-time diffusion, q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t
// I).
//
// The papers count t = 1 .. T; programs (and networks) count 0 .. T-1. Here t is 0-based: beta(0,
// T) is the paper's beta_1. `alpha` never means 1 - beta in this library; that is written out.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// A beta schedule is any callable (t, T) -> beta_t for t = 0 .. T-1, each in (0, 1); a lambda will
/// do.
template <class Beta>
concept beta_schedule = std::copy_constructible<Beta> &&
    requires(const Beta& beta, std::size_t t, std::size_t T) {
    { beta(t, T) } -> std::convertible_to<double>;
};

namespace detail {

/// Point t of T points spread evenly from first to last.
inline double evenly(double first, double last, std::size_t t, std::size_t T) {
    if (T == 1) return first;
    return first + (last - first) * static_cast<double>(t) / static_cast<double>(T - 1);
}

}  // namespace detail

/// beta rises linearly (Ho, Jain, Abbeel 2020, section 4: 1e-4 to 0.02 at T = 1000).
struct linear_beta {
    double first = 1e-4, last = 0.02;
    double operator()(std::size_t t, std::size_t T) const {
        return detail::evenly(first, last, t, T);
    }
};

/// sqrt(beta) rises linearly (Rombach et al. 2022, latent diffusion: 0.00085 to 0.012 at T = 1000).
struct scaled_linear_beta {
    double first = 0.00085, last = 0.012;
    double operator()(std::size_t t, std::size_t T) const {
        const double root = detail::evenly(std::sqrt(first), std::sqrt(last), t, T);
        return root * root;
    }
};

/// alpha-bar(u) = cos^2(pi/2 (u + s)/(1 + s)), beta_t = min(1 - alpha-bar((t+1)/T) /
/// alpha-bar(t/T), cap) (Nichol and Dhariwal 2021, eq. 17; s = 0.008, cap 0.999). cap = 1 is the
/// equation as printed: alpha-bar ends at 0 and the last beta is 1.
struct cosine_beta {
    double s = 0.008, cap = 0.999;
    double operator()(std::size_t t, std::size_t T) const {
        detail::require(s >= 0 && s < std::numeric_limits<double>::infinity(),
                        "diffusion::cosine_beta", "s must be finite and not negative", s);
        detail::require(cap > 0 && cap <= 1, "diffusion::cosine_beta", "cap must lie in (0, 1]",
                        cap);
        // With a, b the two angles: 1 - cos^2 b / cos^2 a = sin(b - a) sin(b + a) / cos^2 a,
        // without cancellation. The last b is a right angle.
        if (t + 1 == T) return cap < 1 ? cap : 1;
        const double per_step = std::numbers::pi / 2 / (1 + s) / static_cast<double>(T);
        const double offset = std::numbers::pi / 2 * s / (1 + s);
        const double a = offset + per_step * static_cast<double>(t);
        const double cos_a = std::cos(a);
        const double beta = std::sin(per_step) * std::sin(2 * a + per_step) / (cos_a * cos_a);
        return beta < cap ? beta : cap;
    }
};

/// beta follows a logistic curve between two values, its argument running from -steepness to
/// +steepness (Xu et al. 2022, GeoDiff).
struct sigmoid_beta {
    double first = 1e-4, last = 0.02, steepness = 6;
    double operator()(std::size_t t, std::size_t T) const {
        const double u = detail::evenly(-steepness, steepness, t, T);
        return first + (last - first) / (1 + std::exp(-u));
    }
};

/// A list of betas, for instance the one that a network was trained with; its length is T.
struct tabulated_beta {
    std::vector<double> betas;
    double operator()(std::size_t t, std::size_t T) const {
        detail::require(T == betas.size(), "diffusion::tabulated_beta",
                        "T must be the length of the table", T);
        return betas[t];
    }
};

}  // namespace diffusion
