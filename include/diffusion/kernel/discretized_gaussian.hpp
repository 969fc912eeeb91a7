#pragma once
// L3: the last factor of the bound, p(x_0 | x_1), for data on few levels such as 8-bit pictures.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/normal_cdf.hpp>

namespace diffusion {

/// The derivatives of a log-likelihood log p(x; mean, std).
struct gaussian_slope {
    double mean, log_std;
};

/// How the normal distribution function is computed: exactly, or as Ho et al. (2020) and Nichol and
/// Dhariwal (2021) do, by (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3)))/2 with probabilities below
/// 1e-12 taken for 1e-12. Take the second to compare bits with theirs; it bounds what a hopeless
/// mean costs.
enum class normal_cdf { exact, published };

/// The discretised Gaussian decoder (Ho et al. 2020, eq. 13): data on `levels` values from -1 to 1,
/// 2/(levels - 1) apart, each with the probability that N(mean, std^2) gives to its bin,
///
///     log p(x) = log(Phi((x + 1/255 - mean)/std) - Phi((x - 1/255 - mean)/std)),
///
/// where the bins of -1 and 1 reach to infinity. In nats, for one element. Stable in both tails.
struct discretized_gaussian {
    std::size_t levels = 256;
    normal_cdf cdf = normal_cdf::exact;

    /// log p(x); throws std::invalid_argument unless std > 0 and x lies in [-1, 1].
    double operator()(double x, double mean, double std) const {
        const auto [a, b] = bin(x, mean, std);
        if (cdf == normal_cdf::exact) return log_normal_interval(a, b);
        // each of the three kinds of bins is clipped by itself
        const double below = phi(a), above = phi(b);
        if (std::isinf(a)) return std::log(std::max(above, 1e-12));
        if (std::isinf(b)) return std::log(std::max(1 - below, 1e-12));
        return std::log(std::max(above - below, 1e-12));
    }

    /// The derivatives of log p(x) with the exact distribution function.
    gaussian_slope slope(double x, double mean, double std) const {
        const auto [a, b] = bin(x, mean, std);
        const double log_p = log_normal_interval(a, b);
        const auto ratio = [&](double z) {
            return std::isinf(z) ? 0 : std::exp(log_normal_pdf(z) - log_p);
        };
        const double low = ratio(a), high = ratio(b);
        return {(low - high) / std, (low == 0 ? 0 : a * low) - (high == 0 ? 0 : b * high)};
    }

private:
    struct interval {
        double a, b;
    };

    interval bin(double x, double mean, double std) const {
        constexpr const char* function = "diffusion::discretized_gaussian";
        detail::require(levels >= 2, function, "there must be at least 2 levels", levels);
        detail::require(std > 0, function, "the standard deviation must be positive", std);
        const double half = 1 / static_cast<double>(levels - 1);
        // rounding moves x by far less than a quarter of a bin
        detail::require(std::abs(x) <= 1 + half / 2, function, "data must lie in [-1, 1]", x);
        constexpr double infinity = std::numeric_limits<double>::infinity();
        return {x < -1 + half / 2 ? -infinity : (x - half - mean) / std,
                x > 1 - half / 2 ? infinity : (x + half - mean) / std};
    }

    static double phi(double z) {
        return 0.5 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z)));
    }
};

/// The decoder of data that is not on levels: the density N(x; mean, std^2) itself, whose logarithm
/// may be positive.
struct continuous_gaussian {
    double operator()(double x, double mean, double std) const { return log_density(x, mean, std); }

    gaussian_slope slope(double x, double mean, double std) const {
        const double u = (x - mean) / std;
        return {u / std, u * u - 1};
    }
};

}  // namespace diffusion
