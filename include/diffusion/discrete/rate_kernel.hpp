#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/dense_kernel.hpp>

namespace diffusion {

/// exp(alpha R), what rates R do in the time alpha: R_ij >= 0 for i != j, rows sum to 0.
///
/// With r the largest -R_ii, exp(alpha R) = e^(-alpha r) exp(alpha (R + r I)) has no negative
/// number anywhere, so nothing cancels (uniformisation; Jensen 1953). alpha is halved until alpha r
/// <= 1/2, the series summed to the last bit, and the matrix squared as often. Throws
/// std::invalid_argument for an alpha that is negative or not finite, or for what are no rates.
inline dense_kernel rate_kernel(std::span<const double> rates, double alpha) {
    constexpr const char* function = "diffusion::rate_kernel";
    const std::size_t K = detail::side_of_square(rates.size(), function);
    detail::require(alpha >= 0 && alpha < std::numeric_limits<double>::infinity(), function,
                    "alpha must be finite and not negative", alpha);
    double r = 0;
    for (std::size_t i = 0; i < K; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < K; ++j) {
            sum += rates[i * K + j];
            detail::require(i == j || rates[i * K + j] >= 0, function,
                            "a rate must not be negative", rates[i * K + j]);
        }
        r = std::max(r, -rates[i * K + i]);
        detail::require(std::abs(sum) <= 1e-9 * std::max(1.0, r), function,
                        "rates must sum to 0 in each row, these sum to", sum);
    }
    int halvings = 0;
    while (alpha * r > 0.5) {
        alpha /= 2;
        ++halvings;
    }
    std::vector<double> power(K * K), sum(K * K), product(K * K);
    for (std::size_t i = 0; i < K; ++i) power[i * K + i] = sum[i * K + i] = std::exp(-alpha * r);
    for (int n = 1; n <= 16; ++n) {  // 0.5^17 / 17! < 1e-19
        std::fill(product.begin(), product.end(), 0.0);
        for (std::size_t i = 0; i < K; ++i)
            for (std::size_t k = 0; k < K; ++k)
                for (std::size_t j = 0; j < K; ++j)
                    product[i * K + j] +=
                        power[i * K + k] * alpha / n * (rates[k * K + j] + (k == j ? r : 0));
        std::swap(power, product);
        for (std::size_t e = 0; e < K * K; ++e) sum[e] += power[e];
    }
    for (std::size_t i = 0; i < K; ++i) {  // lest rounding makes a probability exceed 1
        double row = 0;
        for (std::size_t j = 0; j < K; ++j) row += sum[i * K + j];
        for (std::size_t j = 0; j < K; ++j) sum[i * K + j] /= row;
    }
    dense_kernel kernel(std::move(sum));
    for (; halvings > 0; --halvings) kernel = kernel.then(kernel);
    return kernel;
}

}  // namespace diffusion
