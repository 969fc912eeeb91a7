#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/dense_kernel.hpp>

namespace diffusion {

/// A step for states in an order, such as grey values, that goes to near ones more often than to
/// far ones (Austin et al. 2021, appendix A.2.3, eq. 8):
///
///     Q_ij = w(i - j) / sum_{n = -(K-1)}^{K-1} w(n) for i != j,   Q_ii = 1 - sum_{l != i} Q_il,
///     w(n) = exp(-4 n^2 / ((K-1)^2 beta))
///
/// Symmetric, hence doubly stochastic: its stationary distribution is the uniform one. Throws
/// std::invalid_argument for fewer than 2 states, or a beta that is not positive and finite.
inline dense_kernel discretized_gaussian_kernel(std::size_t categories, double beta) {
    constexpr const char* function = "diffusion::discretized_gaussian_kernel";
    detail::require(categories >= 2, function, "there must be at least 2 states", categories);
    detail::require(beta > 0 && beta < std::numeric_limits<double>::infinity(), function,
                    "beta must be positive and finite", beta);
    const std::size_t K = categories;
    std::vector<double> weight(K), matrix(K * K);
    double sum = 0;
    for (std::size_t n = 0; n < K; ++n) {
        const double distance = static_cast<double>(n) / static_cast<double>(K - 1);
        weight[n] = std::exp(-4 * distance * distance / beta);
        sum += n == 0 ? 1 : 2 * weight[n];
    }
    for (std::size_t i = 0; i < K; ++i) {
        double left = 1;
        for (std::size_t j = 0; j < K; ++j) {
            if (j == i) continue;
            matrix[i * K + j] = weight[i < j ? j - i : i - j] / sum;
            left -= matrix[i * K + j];
        }
        matrix[i * K + i] = left;  // at least weight[0] / sum > 0
    }
    return dense_kernel(std::move(matrix));
}

}  // namespace diffusion
