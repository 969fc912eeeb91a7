#pragma once
// L1: three numbers describe how noisy a state is, whatever the schedule: VP, VE, sub-VP, EDM and
// flow matching alike.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <iosfwd>
#include <limits>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// The marginal q(x_t | x_0) = N(alpha x_0, sigma^2 I) of the forward process at one time.
///
/// alpha is the signal coefficient: the square root of what Ho et al. (2020) call alpha-bar_t.
/// lambda = log(alpha / sigma) is half the log signal-to-noise ratio (Kingma et al. 2021). It is
/// stored, not recomputed: log alpha - log sigma of rounded values loses its digits near both ends
/// of a schedule, where one of the two is 1. Clean data is {1, 0, +inf}; pure noise is {0, sigma,
/// -inf}.
struct noise_level {
    double alpha, sigma, lambda;

    friend constexpr bool operator==(const noise_level&, const noise_level&) = default;
};

/// Data without noise.
inline constexpr noise_level clean_data{1, 0, std::numeric_limits<double>::infinity()};

/// Level of a variance-preserving process, alpha^2 + sigma^2 = 1, from log(alpha) <= 0; accurate at
/// both ends: sigma^2 = 1 - alpha^2 = -expm1(2 log alpha).
inline noise_level variance_preserving(double log_alpha) {
    detail::require(log_alpha <= 0, "diffusion::variance_preserving",
                    "log(alpha) must not exceed 0", log_alpha);
    const double variance =
        0.0 - std::expm1(2 * log_alpha);  // 0 - ..., lest clean data get sigma = -0
    return {std::exp(log_alpha), std::sqrt(variance), log_alpha - 0.5 * std::log(variance)};
}

/// Level from DDPM's product alpha-bar = alpha^2 in [0, 1].
inline noise_level from_alpha_bar(double alpha_bar) {
    detail::require(alpha_bar >= 0 && alpha_bar <= 1, "diffusion::from_alpha_bar",
                    "alpha-bar must lie in [0, 1]", alpha_bar);
    return variance_preserving(0.5 * std::log(alpha_bar));
}

/// Level of a variance-exploding process: alpha = 1, x_t = x_0 + sigma eps (Song et al. 2021;
/// Karras et al. 2022).
inline noise_level variance_exploding_level(double sigma) {
    detail::require(sigma >= 0 && sigma < std::numeric_limits<double>::infinity(),
                    "diffusion::variance_exploding_level", "sigma must be finite and not negative",
                    sigma);
    return {1, sigma, -std::log(sigma)};
}

/// The ratio rho = sigma / alpha: noise per signal, the "sigma" of Karras et al. (2022) once x is
/// divided by alpha.
inline double noise_to_signal(const noise_level& level) { return level.sigma / level.alpha; }

/// A noise schedule is a function t -> (alpha, sigma, lambda) on [t_min, t_max], noisier as t
/// grows. Semantics: lambda falls strictly; asking outside the interval throws
/// std::invalid_argument.
template <class S>
concept noise_schedule = std::copyable<S> && requires(const S& schedule, double t) {
    { schedule(t) } -> std::same_as<noise_level>;
    { schedule.t_min() } -> std::convertible_to<double>;
    { schedule.t_max() } -> std::convertible_to<double>;
};

/// A schedule that was trained on the integer times 0 .. size()-1, as DDPM's. Its clean data stands
/// at t = -1.
template <class S>
concept discrete_noise_schedule = noise_schedule<S> && requires(const S& schedule) {
    { schedule.size() } -> std::convertible_to<std::size_t>;
};

template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const noise_level& level) {
    return os << "alpha " << level.alpha << ", sigma " << level.sigma << ", lambda "
              << level.lambda;
}

}  // namespace diffusion
