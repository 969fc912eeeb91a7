#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

namespace diffusion::detail {

template <class T>
using row_major = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// rows x columns numbers whose rows begin `stride` apart.
template <class T>
auto matrix_view(T* data, std::size_t rows, std::size_t columns, std::size_t stride) {
    using plain = row_major<std::remove_const_t<T>>;
    using target = std::conditional_t<std::is_const_v<T>, const plain, plain>;
    return Eigen::Map<target, 0, Eigen::OuterStride<>>(
        data, static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns),
        Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)));
}

/// Turns each row of scores into weights: exp(s) / sum exp(s), with the row's maximum subtracted
/// first, without which exp overflows.
template <class T>
void softmax_rows(T* scores, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
        Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>> row(scores + i * columns,
                                                           static_cast<Eigen::Index>(columns));
        row = (row - row.maxCoeff()).exp();
        row *= T(1) / row.sum();
    }
}

}  // namespace diffusion::detail

namespace diffusion::nn {

/// Scaled dot-product self-attention over the positions of each item (Vaswani et al. 2017, eq. 1):
///
///     out = softmax(q k^T / sqrt(d)) v      for each head, d = channels / heads
///
/// qkv {items, height, width, 3 channels}: at each position first q, then k, then v, each of them
/// head after head. The result is {items, height, width, channels}.
template <class T>
var<T> self_attention(const var<T>& qkv, std::size_t heads = 1) {
    using diffusion::detail::matrix_view;
    const nn::shape s = qkv.shape();
    diffusion::detail::require(
        heads > 0 && s.channels % (3 * heads) == 0, "diffusion::nn::self_attention",
        "the channels must be three times a multiple of the heads", s.channels);
    const std::size_t channels = s.channels / 3, d = channels / heads, length = s.pixels();
    const T factor = static_cast<T>(1 / std::sqrt(static_cast<double>(d)));
    nn::tape<T>& tape = qkv.tape();
    const var<T> y = tape.result(s.with_channels(channels), qkv);

    // The weights of all items and heads are kept for the way back; without one, the same block of
    // at most 64 queries is used again and again.
    const bool keep = y.needs_gradient();
    const std::size_t block = keep ? length : std::min<std::size_t>(length, 64);
    arena_block<T> weights(tape.memory(),
                           keep ? s.items * heads * length * length : block * length);
    for (std::size_t n = 0; n < s.items; ++n) {
        for (std::size_t head = 0; head < heads; ++head) {
            const T* q = qkv.data() + n * length * s.channels + head * d;
            const auto k = matrix_view(q + channels, length, d, s.channels);
            const auto v = matrix_view(q + 2 * channels, length, d, s.channels);
            for (std::size_t first = 0; first < length; first += block) {
                const std::size_t rows = std::min(block, length - first);
                T* w = weights.data() + (keep ? (n * heads + head) * length * length : 0);
                auto scores = matrix_view(w, rows, length, length);
                scores.noalias() = factor *
                                   matrix_view(q + first * s.channels, rows, d, s.channels) *
                                   k.transpose();
                diffusion::detail::softmax_rows(w, rows, length);
                matrix_view(y.fill() + (n * length + first) * channels + head * d, rows, d,
                            channels)
                    .noalias() = scores * v;
            }
        }
    }
    if (!keep) return y;

    tape.record(y, [s, heads, channels, d, length, factor, qkv, weights = std::move(weights),
                    dqkv = adjoint_slot<T>(qkv)](const adjoint_slot<T>& dy) {
        // out = p v:  dv = p^T dout, dp = dout v^T; softmax: ds = p (dp - sum over row of p dp)
        arena_block<T> dp_block(dqkv.memory(), length * length);
        auto dp = matrix_view(dp_block.data(), length, length, length);
        T* gradient = dqkv.write_zeroed();
        for (std::size_t n = 0; n < s.items; ++n) {
            for (std::size_t head = 0; head < heads; ++head) {
                const std::size_t offset = n * length * s.channels + head * d;
                const T* q = qkv.data() + offset;
                const auto k = matrix_view(q + channels, length, d, s.channels);
                const auto v = matrix_view(q + 2 * channels, length, d, s.channels);
                const auto p = matrix_view(weights.data() + (n * heads + head) * length * length,
                                           length, length, length);
                const auto dout =
                    matrix_view(dy.read() + n * length * channels + head * d, length, d, channels);
                T* dq = gradient + offset;
                matrix_view(dq + 2 * channels, length, d, s.channels).noalias() +=
                    p.transpose() * dout;
                dp.noalias() = dout * v.transpose();
                for (Eigen::Index i = 0; i < dp.rows(); ++i) {
                    const T mean = p.row(i).dot(dp.row(i));
                    dp.row(i).array() = factor * p.row(i).array() * (dp.row(i).array() - mean);
                }
                matrix_view(dq, length, d, s.channels).noalias() += dp * k;
                matrix_view(dq + channels, length, d, s.channels).noalias() +=
                    dp.transpose() * matrix_view(q, length, d, s.channels);
            }
        }
    });
    return y;
}

}  // namespace diffusion::nn
