#pragma once

#include <cmath>
#include <numbers>

#include <diffusion/detail/require.hpp>

namespace diffusion::detail {

/// The z with P(Z <= z) = p of a standard normal Z, to about 1e-15 relative to 1 + |z|: a start by
/// Abramowitz and Stegun (1964, 26.2.22), then three Halley steps on Phi(z) = erfc(-z/sqrt(2))/2,
/// which triple the digits each. Throws std::invalid_argument unless 0 < p < 1.
inline double normal_quantile(double p) {
    require(p > 0 && p < 1, "diffusion::normal_quantile", "p must lie in (0, 1)", p);
    if (p > 0.5) return -normal_quantile(1 - p);  // 1 - p is exact, and the small tail has digits
    const double r = std::sqrt(-2 * std::log(p));
    double z = (2.30753 + 0.27061 * r) / (1 + r * (0.99229 + 0.04481 * r)) - r;
    for (int i = 0; i < 3; ++i) {
        const double miss = 0.5 * std::erfc(-z / std::numbers::sqrt2) - p;
        const double newton = miss * std::sqrt(2 * std::numbers::pi) * std::exp(0.5 * z * z);
        z -= newton / (1 + 0.5 * z * newton);  // Phi''/Phi' = -z
    }
    return z;
}

}  // namespace diffusion::detail
