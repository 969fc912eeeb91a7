#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/transpose.hpp>
#include <diffusion/nn/conv/workspace.hpp>

/// Products of row-major matrices for linear layers and 1x1 convolutions: x (m, k), w (k, n),
/// y (m, n), where m counts pixels and is large, k and n count channels.
///
/// Eigen copies both factors into its own order first, which pays for large square matrices. Here x
/// is tall and narrow: it is read where it lies, and only w is packed.
namespace diffusion::nn {

/// Packs w (k, n) for `matmul_packed`; `packed` holds `matmul_packed_size` elements.
template <class T>
void matmul_pack(std::size_t k, std::size_t n, const T* w, T* packed) {
    detail::pack<T>(
        k, n, [&](std::size_t row, std::size_t col) { return w[row * n + col]; }, packed);
}

/// Packs the transpose of w (k, n): the n by k factor of dx = dy w^T.
template <class T>
void matmul_pack_transposed(std::size_t k, std::size_t n, const T* w, T* packed) {
    detail::pack_transposed(k, n, w, n, T(1), packed);
}

template <class T>
constexpr std::size_t matmul_packed_size(std::size_t k, std::size_t n) {
    return detail::packed_size<T>(k, n);
}

/// y = x w + bias with w from `matmul_pack`; `bias` has n elements or is null.
template <class T>
void matmul_packed(std::size_t m, std::size_t n, std::size_t k, const T* x, const T* packed,
                   const T* bias, T* y) {
    const detail::terms sum{.steps = k, .segments = 1, .a_stride = k};
    constexpr std::size_t strip = 10 * detail::row_block;  // rows of x that stay in the cache
    for (std::size_t row = 0; row < m; row += strip)
        detail::product<T, detail::layout::by_rows>(sum, std::min(strip, m - row), n, x + row * k,
                                                    packed, true, bias, 0, y + row * n, n);
}

/// y = x w + bias; `bias` has n elements or is null.
template <class T>
void matmul(std::size_t m, std::size_t n, std::size_t k, const T* x, const T* w, const T* bias,
            T* y, workspace& scratch) {
    if (m <= 2 * detail::row_block && n % detail::width<T> == 0) {  // packing would not pay
        const detail::terms sum{.steps = k, .segments = 1, .a_stride = k, .b_stride = n};
        detail::product<T, detail::layout::by_rows>(sum, m, n, x, w, false, bias, 0, y, n);
        return;
    }
    T* packed = scratch.keep<T>(matmul_packed_size<T>(k, n));
    matmul_pack(k, n, w, packed);
    matmul_packed(m, n, k, x, packed, bias, y);
}

/// dx = dy w^T for dy (m, n), w (k, n), dx (m, k).
template <class T>
void matmul_backward_data(std::size_t m, std::size_t n, std::size_t k, const T* dy, const T* w,
                          T* dx, workspace& scratch) {
    T* packed = scratch.keep<T>(matmul_packed_size<T>(n, k));
    matmul_pack_transposed(k, n, w, packed);
    matmul_packed<T>(m, k, n, dy, packed, nullptr, dx);
}

/// dw += x^T dy, or = if it is the `first`, for x (m, k), dy (m, n), dw (k, n).
template <class T>
void matmul_backward_weights(std::size_t m, std::size_t n, std::size_t k, const T* x, const T* dy,
                             T* dw, workspace& scratch, bool first = false) {
    constexpr std::size_t strip = 256;            // rows whose two factors stay in the cache
    const bool pack = n % detail::width<T> != 0;  // else rows of dy are whole vectors
    T* packed = pack ? scratch.take<T>(matmul_packed_size<T>(std::min(m, strip), n)) : nullptr;
    for (std::size_t row = 0; row < m; row += strip) {
        const std::size_t rows = std::min(strip, m - row);
        const T* factor = dy + row * n;
        if (pack) {
            matmul_pack(rows, n, factor, packed);
            factor = packed;
        }
        const detail::terms sum{.steps = rows, .segments = 1, .a_stride = k, .b_stride = n};
        detail::product<T, detail::layout::by_columns>(sum, k, n, x + row * k, factor, pack,
                                                       first && row == 0 ? nullptr : dw, n, dw, n);
    }
}

}  // namespace diffusion::nn
