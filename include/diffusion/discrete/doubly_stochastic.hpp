#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_kernel.hpp>

namespace diffusion {

/// Scales rows and columns of a symmetric matrix A of non-negative numbers alike until it is doubly
/// stochastic: D A D with a diagonal D (Sinkhorn 1964), found by d_i <- sqrt(d_i / (A d)_i). It
/// exists if the diagonal is positive. Throws std::invalid_argument for a matrix that is not
/// square, symmetric and non-negative, or whose sums do not come within 1e-12 of 1.
inline std::vector<double> doubly_stochastic(std::vector<double> matrix) {
    constexpr const char* function = "diffusion::doubly_stochastic";
    const std::size_t K = detail::side_of_square(matrix.size(), function);
    for (std::size_t i = 0; i < K; ++i)
        for (std::size_t j = 0; j < K; ++j)
            detail::require(matrix[i * K + j] >= 0 && matrix[i * K + j] == matrix[j * K + i],
                            function, "the matrix must be symmetric and not negative",
                            matrix[i * K + j]);
    std::vector<double> d(K, 1.0), sums(K);
    double worst = 1;
    for (int round = 0; round < 10000 && !(worst <= 1e-13); ++round) {
        worst = 0;
        for (std::size_t i = 0; i < K; ++i) {
            sums[i] = 0;
            for (std::size_t j = 0; j < K; ++j) sums[i] += matrix[i * K + j] * d[j];
            const double off = std::abs(d[i] * sums[i] - 1);
            if (off > worst || std::isnan(off)) worst = off;
        }
        if (worst > 1e-13)
            for (std::size_t i = 0; i < K; ++i) d[i] = std::sqrt(d[i] / sums[i]);
    }
    detail::require(worst <= 1e-12, function,
                    "the matrix cannot be made doubly stochastic; the worst sum is off by", worst);
    for (std::size_t i = 0; i < K; ++i)
        for (std::size_t j = 0; j < K; ++j) matrix[i * K + j] *= d[i] * d[j];
    return matrix;
}

}  // namespace diffusion
