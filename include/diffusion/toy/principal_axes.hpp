#pragma once
// The axes along which a Gaussian's elements are independent.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// A symmetric matrix C = sum_i variance_i a_i a_i^T with orthonormal axes a_i; row i of `axes` is
/// a_i. For a covariance: the components of PCA, not sorted.
struct principal_axes {
    std::vector<double> variances;
    std::vector<double> axes;  ///< d x d, row by row
};

/// The axes of a symmetric matrix of d x d elements by Jacobi's rotations (Jacobi 1846; Golub and
/// Van Loan 2013, section 8.5): each rotation in the plane (p, q) makes one element off the
/// diagonal 0, and all of them tend to 0 quadratically. Made for few dimensions. Throws
/// std::invalid_argument unless the matrix is symmetric, finite and d x d.
inline principal_axes axes_of(std::span<const double> matrix, std::size_t d) {
    constexpr const char* function = "diffusion::axes_of";
    detail::require(matrix.size() == d * d, function, "a matrix must have d x d elements",
                    matrix.size());
    std::vector<double> c(matrix.begin(), matrix.end());
    double size = 0;
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            detail::require(std::isfinite(c[i * d + j]), function, "a matrix must be finite",
                            c[i * d + j]);
            const double skew = std::abs(c[i * d + j] - c[j * d + i]);
            detail::require(skew <= 1e-12 * (std::abs(c[i * d + j]) + std::abs(c[j * d + i])),
                            function, "a matrix must be symmetric; two elements differ by", skew);
            size += c[i * d + j] * c[i * d + j];
        }
    principal_axes result{std::vector<double>(d), std::vector<double>(d * d)};
    for (std::size_t i = 0; i < d; ++i) result.axes[i * d + i] = 1;
    const auto rotate = [d](double* x, std::size_t step, std::size_t p, std::size_t q, double cos,
                            double sin) {  // rows (step 1) or columns (step d) p and q
        const std::size_t along = step == 1 ? d : 1;
        for (std::size_t k = 0; k < d; ++k) {
            double &a = x[p * along + k * step], &b = x[q * along + k * step];
            const double old = a;
            a = cos * old - sin * b;
            b = sin * old + cos * b;
        }
    };
    for (int sweep = 0; sweep < 60; ++sweep) {
        double off = 0;
        for (std::size_t p = 0; p < d; ++p)
            for (std::size_t q = p + 1; q < d; ++q) {
                const double c_pq = c[p * d + q];
                off += c_pq * c_pq;
                if (c_pq == 0) continue;
                // tan of the angle, the smaller root of tan^2 + 2 theta tan - 1 = 0
                const double theta = (c[q * d + q] - c[p * d + p]) / (2 * c_pq);
                const double tan =
                    std::copysign(1, theta) / (std::abs(theta) + std::hypot(theta, 1));
                const double cos = 1 / std::hypot(tan, 1), sin = tan * cos;
                rotate(c.data(), 1, p, q, cos, sin);
                rotate(c.data(), d, p, q, cos, sin);
                rotate(result.axes.data(), 1, p, q, cos, sin);
            }
        if (off <= 1e-34 * size) break;
    }
    for (std::size_t i = 0; i < d; ++i) result.variances[i] = c[i * d + i];
    return result;
}

}  // namespace diffusion
