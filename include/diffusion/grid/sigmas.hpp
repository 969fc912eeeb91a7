#pragma once
// L2: lists of noise levels from noisy to clean, as numbers alone. Read as rho = sigma/alpha they
// make a grid on any schedule (`grid_of_sigmas`); read as t they are times of `flow_schedule`.
//
// The references' "lu lambdas", "log-SNR uniform" and "exponential" are one list, evenly spaced in
// log rho: `exponential_sigmas`.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// The two ends of a list of noise levels, 0 < lowest < highest.
struct sigma_range {
    double lowest, highest;
};

namespace detail {

inline void require_sigmas(std::size_t n, const sigma_range& range, const char* function) {
    require(n >= 1, function, "the number of noise levels must be at least 1", n);
    require(range.lowest > 0 && range.lowest < std::numeric_limits<double>::infinity(), function,
            "the lowest noise level must be finite and positive", range.lowest);
    require(range.highest > range.lowest && range.highest < std::numeric_limits<double>::infinity(),
            function, "the highest noise level must be finite and exceed the lowest",
            range.highest);
}

/// n values: level(u) at u = 0, 1/(n-1), ..., 1, with the two ends exact. A single one is the
/// highest. Ends so close, or an exponent so extreme, that two neighbours are one number are
/// refused.
template <class Level>
std::vector<double> falling_sigmas(std::size_t n, const sigma_range& range, const char* function,
                                   Level level) {
    std::vector<double> sigmas(n);
    for (std::size_t i = 1; i + 1 < n; ++i)
        sigmas[i] = level(static_cast<double>(i) / static_cast<double>(n - 1));
    sigmas[n - 1] = range.lowest;
    sigmas[0] = range.highest;
    for (std::size_t i = 1; i < n; ++i)
        require(sigmas[i] < sigmas[i - 1], function,
                "the noise levels must fall strictly, but two are too close to tell apart",
                sigmas[i]);
    return sigmas;
}

}  // namespace detail

/// Evenly spaced in sigma^(1/rho): ((1 - u) sigma_max^(1/rho) + u sigma_min^(1/rho))^rho (Karras et
/// al. 2022, eq. 5, rho = 7).
inline std::vector<double> karras_sigmas(std::size_t n, const sigma_range& range, double rho = 7) {
    detail::require_sigmas(n, range, "diffusion::karras_sigmas");
    detail::require(rho > 0 && rho < std::numeric_limits<double>::infinity(),
                    "diffusion::karras_sigmas", "rho must be finite and positive", rho);
    // In units of the highest level nothing overflows, however small rho is.
    const double lowest = std::pow(range.lowest / range.highest, 1 / rho);
    return detail::falling_sigmas(n, range, "diffusion::karras_sigmas", [&](double u) {
        return range.highest * std::pow((1 - u) + u * lowest, rho);
    });
}

/// log sigma = log sigma_min + (1 - u)^rho log(sigma_max/sigma_min): dense near the data for rho >
/// 1 (Crowson 2022, k-diffusion).
inline std::vector<double> polyexponential_sigmas(std::size_t n, const sigma_range& range,
                                                  double rho = 1) {
    detail::require_sigmas(n, range, "diffusion::polyexponential_sigmas");
    detail::require(rho > 0 && rho < std::numeric_limits<double>::infinity(),
                    "diffusion::polyexponential_sigmas", "rho must be finite and positive", rho);
    const double lowest = std::log(range.lowest), width = std::log(range.highest) - lowest;
    return detail::falling_sigmas(n, range, "diffusion::polyexponential_sigmas", [&](double u) {
        return std::exp(lowest + std::pow(1 - u, rho) * width);
    });
}

/// A geometric sequence: steps of equal length in log sigma, that is in lambda, on which
/// exponential integrators work best (Lu et al. 2022, section 3.3).
inline std::vector<double> exponential_sigmas(std::size_t n, const sigma_range& range) {
    detail::require_sigmas(n, range, "diffusion::exponential_sigmas");
    const double lowest = std::log(range.lowest), highest = std::log(range.highest);
    return detail::falling_sigmas(n, range, "diffusion::exponential_sigmas", [&](double u) {
        return std::exp((1 - u) * highest + u * lowest);
    });
}

/// Evenly spaced in arctan sigma, which minimises the Kullback-Leibler bound of Sabour et al.
/// (2024) for Gaussian data of variance 1.
inline std::vector<double> kl_optimal_sigmas(std::size_t n, const sigma_range& range) {
    detail::require_sigmas(n, range, "diffusion::kl_optimal_sigmas");
    // Near pi/2 arctan has no digits left for a large sigma: count from there, with
    // arctan(1/sigma).
    const double highest = std::atan2(1, range.highest), lowest = std::atan2(1, range.lowest);
    return detail::falling_sigmas(n, range, "diffusion::kl_optimal_sigmas", [&](double u) {
        return 1 / std::tan((1 - u) * highest + u * lowest);
    });
}

/// sigma/alpha of the variance-preserving process with betas from beta_min to beta_min + beta_d, at
/// times evenly spaced from 1 down to t_last: sqrt(e^{beta_d t^2/2 + beta_min t} - 1) (Song et al.
/// 2021, eq. 33; Karras et al. 2022, table 1). The levels that `uniform_time` visits on
/// `vp_linear`.
inline std::vector<double> vp_sigmas(std::size_t n, double beta_d = 19.9, double beta_min = 0.1,
                                     double t_last = 1e-3) {
    detail::require(beta_d > 0 && beta_d < std::numeric_limits<double>::infinity(),
                    "diffusion::vp_sigmas", "beta_d must be finite and positive", beta_d);
    detail::require(beta_min >= 0 && beta_min < std::numeric_limits<double>::infinity(),
                    "diffusion::vp_sigmas", "beta_min must be finite and not negative", beta_min);
    detail::require(t_last > 0 && t_last < 1, "diffusion::vp_sigmas", "t_last must lie in (0, 1)",
                    t_last);
    const auto level = [&](double u) {
        const double t = (1 - u) + u * t_last;
        return std::sqrt(std::expm1(0.5 * beta_d * t * t + beta_min * t));
    };
    const sigma_range range{level(1), level(0)};
    detail::require_sigmas(n, range, "diffusion::vp_sigmas");
    return detail::falling_sigmas(n, range, "diffusion::vp_sigmas", level);
}

}  // namespace diffusion
