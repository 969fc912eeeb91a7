#pragma once
// L3: the standard normal distribution function, with all digits in both tails.

#include <cmath>
#include <numbers>
#include <utility>

namespace diffusion {

/// log phi(z) = -z^2/2 - log(2 pi)/2
inline double log_normal_pdf(double z) {
    return -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi);
}

/// log Phi(z), Phi(z) = P(Z <= z) = erfc(-z/sqrt 2)/2. Far below, where erfc underflows, by the
/// continued fraction Phi(-u) = phi(u)/(u + 1/(u + 2/(u + 3/(u + ...)))) (Laplace 1805).
inline double log_normal_cdf(double z) {
    if (z > 0) return std::log1p(-0.5 * std::erfc(z / std::numbers::sqrt2));
    if (z > -30) return std::log(0.5 * std::erfc(-z / std::numbers::sqrt2));
    if (std::isinf(z)) return z;
    double fraction = -z;
    for (int k = 12; k > 0; --k) fraction = -z + k / fraction;
    return log_normal_pdf(z) - std::log(fraction);
}

/// log P(a < Z <= b) for a < b, either of which may be infinite. In the tails the two values of Phi
/// are as good as equal; it is log Phi(b) + log(1 - Phi(a)/Phi(b)) where both are small.
inline double log_normal_interval(double a, double b) {
    if (a > 0) std::swap(a, b), a = -a, b = -b;
    if (b > 0)  // opposite signs, so that nothing is lost in the difference
        return std::log(0.5 *
                        (std::erf(b / std::numbers::sqrt2) - std::erf(a / std::numbers::sqrt2)));
    const double log_a = log_normal_cdf(a), log_b = log_normal_cdf(b);
    return log_b + std::log(-std::expm1(log_a - log_b));
}

}  // namespace diffusion
