#pragma once
// L1: betas that make alpha-bar a given function of u = t/T in [0, 1], and two such functions.

#include <cmath>
#include <concepts>
#include <cstddef>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// beta_t = min(1 - alpha-bar((t+1)/T) / alpha-bar(t/T), cap) for any falling function alpha-bar of
/// u in [0, 1], for instance alpha_bar_beta{[](double u) { return 1 - u * u; }} (Nichol and
/// Dhariwal 2021, section 3.2, with their cap of 0.999). cap = 1 leaves the function as it is, down
/// to an alpha-bar of 0 at u = 1. The quotient of two rounded values of nearly 1 costs digits of
/// small betas: an absolute error of 1e-16. Throws std::invalid_argument where alpha-bar does not
/// fall.
template <std::invocable<double> AlphaBar>
struct alpha_bar_beta {
    AlphaBar alpha_bar;
    double cap = 0.999;

    double operator()(std::size_t t, std::size_t T) const {
        const double n = static_cast<double>(T);
        const double before = alpha_bar(static_cast<double>(t) / n);
        const double after = alpha_bar(static_cast<double>(t + 1) / n);
        detail::require(after >= 0 && before > after, "diffusion::alpha_bar_beta",
                        "alpha-bar must fall strictly and not below 0; it does not at u = t/T",
                        static_cast<double>(t + 1) / n);
        const double beta = (before - after) / before;
        return beta < cap ? beta : cap;
    }
};
template <class AlphaBar>
alpha_bar_beta(AlphaBar) -> alpha_bar_beta<AlphaBar>;
template <class AlphaBar>
alpha_bar_beta(AlphaBar, double) -> alpha_bar_beta<AlphaBar>;

/// alpha-bar(u) = e^{-rate u}, so that all betas are equal: beta = 1 - e^{-rate/T}. The references'
/// "exp" has rate 12.
struct exponential_beta {
    double rate = 12;
    double operator()(std::size_t, std::size_t T) const {
        detail::require(rate > 0, "diffusion::exponential_beta", "rate must be positive", rate);
        return -std::expm1(-rate / static_cast<double>(T));
    }
};

/// The log-SNR follows the quantiles of a Laplace distribution, so that times near log-SNR = mu are
/// visited most: log(alpha^2/sigma^2) = mu - b sgn(1/2 - u) log(1 - 2|u - 1/2| + floor)
/// (Hang et al. 2024, "Laplace"). The floor keeps both ends finite. Capped as in `alpha_bar_beta`.
///
/// The references write the square root alpha where alpha-bar belongs, so that their log-SNR is
/// another one; root = true gives their betas.
struct laplace_beta {
    double mu = 0, b = 0.5, floor = 1e-6, cap = 0.999;
    bool root = false;

    /// log alpha-bar(u), u in [0, 1].
    double log_alpha_bar(double u) const {
        const double side = u <= 0.5 ? 1 : -1;
        const double log_snr = mu - b * side * std::log(1 - 2 * std::abs(0.5 - u) + floor);
        const double log_alpha_squared = -std::log1p(std::exp(-log_snr));
        return root ? 0.5 * log_alpha_squared : log_alpha_squared;
    }
    double operator()(std::size_t t, std::size_t T) const {
        detail::require(b > 0, "diffusion::laplace_beta", "b must be positive", b);
        detail::require(floor > 0, "diffusion::laplace_beta", "floor must be positive", floor);
        const double n = static_cast<double>(T);
        const double beta = -std::expm1(log_alpha_bar(static_cast<double>(t + 1) / n) -
                                        log_alpha_bar(static_cast<double>(t) / n));
        return beta < cap ? beta : cap;
    }
};

}  // namespace diffusion
