#pragma once
// L3: distances between Gaussians and densities, per element and in nats; divide by log 2 for bits.

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// KL(N(mean_p, std_p^2) || N(mean_q, std_q^2)) = log(std_q/std_p) + (std_p^2 + (mean_p -
/// mean_q)^2)/(2 std_q^2) - 1/2. In nats. Both standard deviations must be positive.
inline double kl_divergence(double mean_p, double std_p, double mean_q, double std_q) {
    detail::require(std_p > 0, "diffusion::kl_divergence", "standard deviations must be positive",
                    std_p);
    detail::require(std_q > 0, "diffusion::kl_divergence", "standard deviations must be positive",
                    std_q);
    const double ratio = std_p / std_q, distance = (mean_p - mean_q) / std_q;
    return -std::log(ratio) + 0.5 * (ratio * ratio + distance * distance - 1);
}

/// log N(x; mean, std^2), in nats.
inline double log_density(double x, double mean, double std) {
    detail::require(std > 0, "diffusion::log_density", "the standard deviation must be positive",
                    std);
    const double u = (x - mean) / std;
    return -0.5 * u * u - std::log(std) - 0.5 * std::log(2 * std::numbers::pi);
}

/// KL between two Gaussians with tensors of means and one standard deviation each, summed over all
/// elements, in nats.
template <tensor X>
double kl_divergence(const X& mean_p, double std_p, const X& mean_q, double std_q) {
    const auto p = elements(mean_p), q = elements(mean_q);
    detail::require(p.size() == q.size(), "diffusion::kl_divergence",
                    "the means must have one size", q.size());
    double sum = 0;
    for (std::size_t e = 0; e < p.size(); ++e)
        sum += kl_divergence(static_cast<double>(p[e]), std_p, static_cast<double>(q[e]), std_q);
    return sum;
}

/// log N(x; mean, std^2 I), summed over all elements, in nats.
template <tensor X>
double log_density(const X& x, const X& mean, double std) {
    const auto at = elements(x), centre = elements(mean);
    detail::require(at.size() == centre.size(), "diffusion::log_density",
                    "x and the mean must have one size", centre.size());
    double sum = 0;
    for (std::size_t e = 0; e < at.size(); ++e)
        sum += log_density(static_cast<double>(at[e]), static_cast<double>(centre[e]), std);
    return sum;
}

}  // namespace diffusion
