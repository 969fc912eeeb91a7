#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/tape.hpp>
#include <utility>

namespace diffusion::nn::detail {

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

/// The sizes of an attention. The rows of q are `q_stride` apart, those of k and v `kv_stride`; the
/// rows of the result are heads * d apart. Each head takes d channels, the next head the next d.
struct attention_sizes {
    std::size_t items, heads, d;
    std::size_t queries, keys;  // positions of an item
    std::size_t q_stride, kv_stride;

    std::size_t channels() const { return heads * d; }
    std::size_t scores() const { return queries * keys; }  // of one item and head

    /// 1 / sqrt(d), with which the scores have the variance of q and k.
    double factor() const { return 1 / std::sqrt(static_cast<double>(d)); }
};

/// out = softmax(q k^T / sqrt(d)) v. If `kept` is not null it receives the weights (items, heads,
/// queries, keys), which the way back reads; else the same block of at most 64 queries is used
/// again and again.
template <class T>
void attend(const attention_sizes& s, const T* q, const T* k, const T* v, T* kept, T* out,
            arena<T>& memory) {
    const std::size_t block = kept != nullptr ? s.queries : std::min<std::size_t>(s.queries, 64);
    arena_block<T> weights(memory, kept != nullptr ? 0 : block * s.keys);
    arena_block<T> keys(memory, s.d * padded_columns<T>(s.keys));
    arena_block<T> values(memory, s.keys * padded_columns<T>(s.d));
    for (std::size_t n = 0; n < s.items; ++n) {
        for (std::size_t head = 0; head < s.heads; ++head) {
            const std::size_t kv = n * s.keys * s.kv_stride + head * s.d;
            const T* q_head = q + n * s.queries * s.q_stride + head * s.d;
            T* out_head = out + n * s.queries * s.channels() + head * s.d;
            copy_transposed(k + kv, s.keys, s.d, s.kv_stride, static_cast<T>(s.factor()),
                            keys.data());
            copy_padded(v + kv, s.keys, s.d, s.kv_stride, values.data());
            for (std::size_t first = 0; first < s.queries; first += block) {
                const std::size_t rows = std::min(block, s.queries - first);
                T* w = kept != nullptr ? kept + (n * s.heads + head) * s.scores() : weights.data();
                multiply(rows, s.keys, s.d, q_head + first * s.q_stride, s.q_stride, keys.data(), w,
                         s.keys);
                softmax_rows(w, rows, s.keys);
                multiply(rows, s.d, s.keys, w, s.keys, values.data(),
                         out_head + first * s.channels(), s.channels());
            }
        }
    }
}

/// The gradients with respect to q, k and v, which are laid out as those, overwritten.
template <class T>
void attend_backward(const attention_sizes& s, const T* q, const T* k, const T* v, const T* weights,
                     const T* dout, T* dq, T* dk, T* dv, arena<T>& memory) {
    // out = p v:  dv = p^T dout, dp = dout v^T;  scores = q k^T:  dq = ds k, dk = ds^T q
    arena_block<T> dp(memory, s.scores()), turned(memory, s.d * padded_columns<T>(s.keys)),
        rows(memory, std::max(s.queries, s.keys) * padded_columns<T>(s.d));
    for (std::size_t n = 0; n < s.items; ++n) {
        for (std::size_t head = 0; head < s.heads; ++head) {
            const std::size_t at = n * s.queries * s.q_stride + head * s.d;
            const std::size_t kv = n * s.keys * s.kv_stride + head * s.d;
            const T* p = weights + (n * s.heads + head) * s.scores();
            const T* g = dout + n * s.queries * s.channels() + head * s.d;
            copy_padded(g, s.queries, s.d, s.channels(), rows.data());
            multiply_transposed(s.keys, s.d, s.queries, p, s.keys, rows.data(), dv + kv,
                                s.kv_stride);
            copy_transposed(v + kv, s.keys, s.d, s.kv_stride, T(1), turned.data());
            multiply(s.queries, s.keys, s.d, g, s.channels(), turned.data(), dp.data(), s.keys);
            softmax_rows_gradient(p, s.queries, s.keys, static_cast<T>(s.factor()), dp.data());
            copy_padded(k + kv, s.keys, s.d, s.kv_stride, rows.data());
            multiply(s.queries, s.d, s.keys, dp.data(), s.keys, rows.data(), dq + at, s.q_stride);
            copy_padded(q + at, s.queries, s.d, s.q_stride, rows.data());
            multiply_transposed(s.keys, s.d, s.queries, dp.data(), s.keys, rows.data(), dk + kv,
                                s.kv_stride);
        }
    }
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
    const std::size_t channels = s.channels / 3;
    const detail::attention_sizes sizes{s.items,    heads,      channels / heads, s.pixels(),
                                        s.pixels(), s.channels, s.channels};
    nn::tape<T>& tape = qkv.tape();
    const var<T> y = tape.result(s.with_channels(channels), qkv);
    const bool keep = y.needs_gradient();
    arena_block<T> weights(tape.memory(), keep ? s.items * heads * sizes.scores() : 0);
    const T* q = qkv.data();
    detail::attend(sizes, q, q + channels, q + 2 * channels, keep ? weights.data() : nullptr,
                   y.fill(), tape.memory());
    tape.record(y, [sizes, qkv, channels, weights = std::move(weights),
                    dqkv = adjoint_slot<T>(qkv)](const adjoint_slot<T>& dy) {
        overwritten_share<T> share(dqkv);
        const T* in = qkv.data();
        T* out = share.data();
        detail::attend_backward(sizes, in, in + channels, in + 2 * channels, weights.data(),
                                dy.read(), out, out + channels, out + 2 * channels, dy.memory());
        share.finish();
    });
    return y;
}

/// Cross-attention: the positions of x ask, those of a context (the tokens of a caption) answer.
/// The formula is that of `self_attention`.
///
/// q {items, height, width, channels}; kv {items, any height, any width, 2 channels}: at each
/// position of the context first k, then v. The result has the shape of q.
template <class T>
var<T> cross_attention(const var<T>& q, const var<T>& kv, std::size_t heads = 1) {
    const nn::shape s = q.shape(), c = kv.shape();
    diffusion::detail::require_shapes(
        c.items == s.items && c.channels == 2 * s.channels, "diffusion::nn::cross_attention",
        "the context must have the items of the queries and twice their channels", s, c);
    diffusion::detail::require(
        heads > 0 && s.channels % heads == 0, "diffusion::nn::cross_attention",
        "the number of heads must divide the channels of the queries", heads);
    const std::size_t channels = s.channels;
    const detail::attention_sizes sizes{s.items,    heads,    channels / heads, s.pixels(),
                                        c.pixels(), channels, c.channels};
    nn::tape<T>& tape = q.tape();
    const var<T> y = tape.result(s, q, kv);
    const bool keep = y.needs_gradient();
    arena_block<T> weights(tape.memory(), keep ? s.items * heads * sizes.scores() : 0);
    detail::attend(sizes, q.data(), kv.data(), kv.data() + channels,
                   keep ? weights.data() : nullptr, y.fill(), tape.memory());
    tape.record(y, [sizes, q, kv, channels, weights = std::move(weights), dq = adjoint_slot<T>(q),
                    dkv = adjoint_slot<T>(kv)](const adjoint_slot<T>& dy) {
        overwritten_share<T> q_share(dq), kv_share(dkv);
        detail::attend_backward(sizes, q.data(), kv.data(), kv.data() + channels, weights.data(),
                                dy.read(), q_share.data(), kv_share.data(),
                                kv_share.data() + channels, dy.memory());
        q_share.finish();
        kv_share.finish();
    });
    return y;
}

}  // namespace diffusion::nn
