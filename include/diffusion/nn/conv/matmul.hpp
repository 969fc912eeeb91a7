#pragma once

#include <cstddef>

/// Products of row-major matrices for linear layers and 1x1 convolutions.
namespace diffusion::nn {

/// y (m, n) = x (m, k) w (k, n) + bias. `bias` has n elements or is null; with `accumulate` the
/// product is added to what y holds.
template <class T>
void matmul(std::size_t m, std::size_t n, std::size_t k, const T* x, const T* w, const T* bias,
            T* y, bool accumulate = false) {
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < n; ++j)
            y[i * n + j] = (accumulate ? y[i * n + j] : T(0)) + (bias ? bias[j] : T(0));
        for (std::size_t l = 0; l < k; ++l)
            for (std::size_t j = 0; j < n; ++j) y[i * n + j] += x[i * k + l] * w[l * n + j];
    }
}

}  // namespace diffusion::nn
