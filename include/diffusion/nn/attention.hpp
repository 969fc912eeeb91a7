#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <utility>

namespace diffusion::nn::detail {

/// Turns each row of scores into weights: exp(s) / sum exp(s), with the row's maximum subtracted
/// first, without which exp overflows.
template <class T>
void softmax_rows(T* scores, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
        T* row = scores + i * columns;
        const T largest = *std::max_element(row, row + columns);
        transform(
            columns, row, [&](vec<T> s) { return exp<T>(s - largest); },
            static_cast<const T*>(row));
        T sum = 0;
        for (std::size_t j = 0; j < columns; ++j) sum += row[j];
        for (std::size_t j = 0; j < columns; ++j) row[j] /= sum;
    }
}

/// The gradient with respect to the scores, from the weights p and dL/dp, which it overwrites:
/// ds = factor p (dp - sum over the row of p dp).
template <class T>
void softmax_rows_gradient(const T* p, std::size_t rows, std::size_t columns, T factor, T* dp) {
    for (std::size_t i = 0; i < rows * columns; i += columns) {
        T mean = 0;
        for (std::size_t j = 0; j < columns; ++j) mean += p[i + j] * dp[i + j];
        for (std::size_t j = 0; j < columns; ++j)
            dp[i + j] = factor * p[i + j] * (dp[i + j] - mean);
    }
}

/// Columns of a matrix that is the right factor of a product: the fast product reads whole pairs of
/// vectors.
template <class T>
constexpr std::size_t padded_columns(std::size_t columns) {
    constexpr std::size_t panel = column_vectors * width<T>;
    return (columns + panel - 1) / panel * panel;
}

/// to (rows, padded columns) = the matrix `from`, whose rows begin `stride` apart.
template <class T>
void copy_padded(const T* from, std::size_t rows, std::size_t columns, std::size_t stride, T* to) {
    for (std::size_t i = 0; i < rows; ++i) {
        T* row = to + i * padded_columns<T>(columns);
        std::copy_n(from + i * stride, columns, row);
        std::fill(row + columns, row + padded_columns<T>(columns), T(0));
    }
}

/// to (columns, padded rows) = factor times the transpose of `from`.
template <class T>
void copy_transposed(const T* from, std::size_t rows, std::size_t columns, std::size_t stride,
                     T factor, T* to) {
    for (std::size_t j = 0; j < columns; ++j) {
        T* row = to + j * padded_columns<T>(rows);
        for (std::size_t i = 0; i < rows; ++i) row[i] = factor * from[i * stride + j];
        std::fill(row + rows, row + padded_columns<T>(rows), T(0));
    }
}

/// c (rows, columns) = a (rows, sum) b (sum, padded columns); rows of a and c begin `a_stride` and
/// `c_stride` apart.
template <class T>
void multiply(std::size_t rows, std::size_t columns, std::size_t sum, const T* a,
              std::size_t a_stride, const T* b, T* c, std::size_t c_stride) {
    product<T, layout::by_rows>({sum, 1, a_stride, 0, padded_columns<T>(columns), 0}, rows, columns,
                                a, b, false, nullptr, 0, c, c_stride);
}

/// c = a^T b with a (sum, rows).
template <class T>
void multiply_transposed(std::size_t rows, std::size_t columns, std::size_t sum, const T* a,
                         std::size_t a_stride, const T* b, T* c, std::size_t c_stride) {
    product<T, layout::by_columns>({sum, 1, a_stride, 0, padded_columns<T>(columns), 0}, rows,
                                   columns, a, b, false, nullptr, 0, c, c_stride);
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Scaled dot-product self-attention over the positions of each item (Vaswani et al. 2017, eq. 1):
///
///     out = softmax(q k^T / sqrt(d)) v      for each head, d = channels / heads
///
/// qkv {items, height, width, 3 channels}: at each position first q, then k, then v, each of them
/// head after head. The result is {items, height, width, channels}.
template <class T>
var<T> self_attention(const var<T>& qkv, std::size_t heads = 1) {
    const nn::shape s = qkv.shape();
    diffusion::detail::require(
        heads > 0 && s.channels % (3 * heads) == 0, "diffusion::nn::self_attention",
        "the channels must be three times a multiple of the heads", s.channels);
    const std::size_t channels = s.channels / 3, d = channels / heads, length = s.pixels();
    const std::size_t stride = s.channels;  // from position to position
    const T factor = static_cast<T>(1 / std::sqrt(static_cast<double>(d)));
    nn::tape<T>& tape = qkv.tape();
    const var<T> y = tape.result(s.with_channels(channels), qkv);

    // The weights of all items and heads are kept for the way back; without one, the same block of
    // at most 64 queries is used again and again.
    const bool keep = y.needs_gradient();
    const std::size_t square = length * length;
    const std::size_t block = keep ? length : std::min<std::size_t>(length, 64);
    arena_block<T> weights(tape.memory(), keep ? s.items * heads * square : block * length);
    arena_block<T> keys(tape.memory(), d * detail::padded_columns<T>(length));
    arena_block<T> values(tape.memory(), length * detail::padded_columns<T>(d));
    for (std::size_t n = 0; n < s.items; ++n) {
        for (std::size_t head = 0; head < heads; ++head) {
            const T* q = qkv.data() + n * length * stride + head * d;
            T* out = y.fill() + n * length * channels + head * d;
            detail::copy_transposed(q + channels, length, d, stride, factor, keys.data());
            detail::copy_padded(q + 2 * channels, length, d, stride, values.data());
            for (std::size_t first = 0; first < length; first += block) {
                const std::size_t rows = std::min(block, length - first);
                T* w = weights.data() + (keep ? (n * heads + head) * square : 0);
                detail::multiply(rows, length, d, q + first * stride, stride, keys.data(), w,
                                 length);
                detail::softmax_rows(w, rows, length);
                detail::multiply(rows, d, length, w, length, values.data(), out + first * channels,
                                 channels);
            }
        }
    }
    if (!keep) return y;

    tape.record(y, [s, heads, channels, d, length, stride, square, factor, qkv,
                    weights = std::move(weights),
                    dqkv = adjoint_slot<T>(qkv)](const adjoint_slot<T>& dy) {
        // out = p v:  dv = p^T dout, dp = dout v^T;  scores = q k^T:  dq = ds k, dk = ds^T q
        arena<T>& memory = dy.memory();
        arena_block<T> dp(memory, square), turned(memory, d * detail::padded_columns<T>(length)),
            rows(memory, length * detail::padded_columns<T>(d));
        const auto to = dqkv.write();
        arena_block<T> share;
        if (!to.first) share = arena_block<T>(memory, dqkv.size());
        T* gradient = to.first ? to.data : share.data();
        for (std::size_t n = 0; n < s.items; ++n) {
            for (std::size_t head = 0; head < heads; ++head) {
                const std::size_t offset = n * length * stride + head * d;
                const T* q = qkv.data() + offset;
                const T* k = q + channels;
                const T* p = weights.data() + (n * heads + head) * square;
                const T* dout = dy.read() + n * length * channels + head * d;
                T* dq = gradient + offset;
                T* dk = dq + channels;
                T* dv = dk + channels;
                detail::copy_padded(dout, length, d, channels, rows.data());
                detail::multiply_transposed(length, d, length, p, length, rows.data(), dv, stride);
                detail::copy_transposed(k + channels, length, d, stride, T(1), turned.data());
                detail::multiply(length, length, d, dout, channels, turned.data(), dp.data(),
                                 length);
                detail::softmax_rows_gradient(p, length, length, factor, dp.data());
                detail::copy_padded(k, length, d, stride, rows.data());
                detail::multiply(length, d, length, dp.data(), length, rows.data(), dq, stride);
                detail::copy_padded(q, length, d, stride, rows.data());
                detail::multiply_transposed(length, d, length, dp.data(), length, rows.data(), dk,
                                            stride);
            }
        }
        if (!to.first) dqkv.add(share.data());
    });
    return y;
}

}  // namespace diffusion::nn
