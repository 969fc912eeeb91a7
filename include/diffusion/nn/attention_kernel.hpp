#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/attention_rows.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/transpose.hpp>

/// Attention without its maps: softmax(q k^T / sqrt(d)) v for a few queries at a time, so that the
/// weights stay in the cache, and for the way back the same weights computed again from two numbers
/// that each row keeps (Rabe and Staats 2021; Dao et al. 2022, section 3.1). Memory grows with the
/// positions, not with their square.
namespace diffusion::nn::detail {

/// out = softmax(q k^T / sqrt(d)) v, and the norms (items, heads, queries) of the softmax.
///
/// If `maps` is not null, the weights (queries, keys) of each item and head are put there, one map
/// after the other if `keep`, else all in the same place, and see(item, head, map) is called before
/// the values are multiplied with them.
template <class T, class See>
void attend(const attention_sizes& s, const T* q, const T* k, const T* v, const T* mask, T* norms,
            T* maps, bool keep, See&& see, T* out, arena<T>& memory) {
    attention_rows<T> rows(s, mask, memory);
    arena_block<T> values(memory, packed_size<T>(s.keys, s.d));
    const auto multiply = [&](std::size_t count, std::size_t steps, const T* weights,
                              std::size_t stride, T* to) {
        product<T, layout::by_rows>({.steps = steps, .segments = 1, .a_stride = stride}, count, s.d,
                                    weights, values.data(), true, nullptr, 0, to, s.channels());
    };
    for (std::size_t n = 0; n < s.items; ++n)
        for (std::size_t head = 0; head < s.heads; ++head) {
            rows.prepare(k, n, head);
            pack_rows(s.keys, s.d, v + s.kv_start(n, head), s.kv_stride, values.data());
            T* const to = out + s.out_start(n, head);
            T* const map =
                maps == nullptr ? nullptr : maps + (keep ? s.map(n, head) * s.scores() : 0);
            for (std::size_t first = 0, last; first < s.queries; first = last) {
                last = std::min(first + attention_rows<T>::most_rows, s.queries);
                const T* w = rows.find(q + s.q_start(n, head), first, last,
                                       norms + 2 * s.map(n, head) * s.queries);
                if (map == nullptr) {
                    multiply(last - first, rows.keys(last), w, rows.stride(),
                             to + first * s.channels());
                    continue;
                }
                std::fill(map + first * s.keys, map + last * s.keys, T(0));
                for (std::size_t i = first; i < last; ++i)
                    std::copy_n(w + (i - first) * rows.stride(), rows.keys(last), map + i * s.keys);
            }
            if (map == nullptr) continue;
            see(n, head, map);
            multiply(s.queries, s.keys, map, s.keys, to);
        }
}

/// The gradients with respect to q, k and v, which are laid out as those, overwritten. `maps`: the
/// weights that were used (items, heads, queries, keys), or null if they are those of the softmax.
template <class T>
void attend_backward(const attention_sizes& s, const T* q, const T* k, const T* v, const T* mask,
                     const T* norms, const T* maps, const T* dout, T* dq, T* dk, T* dv,
                     arena<T>& memory) {
    // out = p v:  dv = p^T dout, dp = dout v^T;  scores = q k^T:  dq = ds k, dk = ds^T q
    attention_rows<T> rows(s, mask, memory);
    const std::size_t stride = rows.stride();
    constexpr std::size_t most = attention_rows<T>::most_rows;
    arena_block<T> dp(memory, std::min(most, s.queries) * stride);
    arena_block<T> values(memory, packed_size<T>(s.d, whole_vectors<T>(s.keys)));
    arena_block<T> keys(memory, packed_size<T>(s.keys, s.d));
    arena_block<T> block(memory, packed_size<T>(most, s.d));
    for (std::size_t n = 0; n < s.items; ++n)
        for (std::size_t head = 0; head < s.heads; ++head) {
            const std::size_t kv = s.kv_start(n, head), map = s.map(n, head);
            rows.prepare(k, n, head);
            pack_transposed(s.keys, s.d, v + kv, s.kv_stride, T(1), values.data());
            pack_rows(s.keys, s.d, k + kv, s.kv_stride, keys.data());
            for (std::size_t j = 0; j < s.keys; ++j) {
                std::fill_n(dk + kv + j * s.kv_stride, s.d, T(0));
                std::fill_n(dv + kv + j * s.kv_stride, s.d, T(0));
            }
            // to += weights^T from, over the queries of a block
            const auto collect = [&](std::size_t count, std::size_t seen, const T* weights,
                                     std::size_t weights_stride, const T* from,
                                     std::size_t from_stride, T* to) {
                pack_rows(count, s.d, from, from_stride, block.data());
                product<T, layout::by_columns>(
                    {.steps = count, .segments = 1, .a_stride = weights_stride}, seen, s.d, weights,
                    block.data(), true, to + kv, s.kv_stride, to + kv, s.kv_stride);
            };
            for (std::size_t first = 0, last; first < s.queries; first = last) {
                last = std::min(first + most, s.queries);
                const std::size_t count = last - first, columns = rows.columns(last);
                const T* const q_rows = q + s.q_start(n, head);
                const T* const g = dout + s.out_start(n, head) + first * s.channels();
                const T* const p =
                    rows.find_again(q_rows, first, last, norms + 2 * map * s.queries);
                const T* const used = maps ? maps + map * s.scores() + first * s.keys : p;
                collect(count, maps ? s.keys : rows.keys(last), used, maps ? s.keys : stride, g,
                        s.channels(), dv);
                product<T, layout::by_rows>({.steps = s.d, .segments = 1, .a_stride = s.channels()},
                                            count, columns, g, values.data(), true, nullptr, 0,
                                            dp.data(), stride);
                for (std::size_t i = 0; maps && i < count; ++i)  // what was changed is a constant
                    for (std::size_t j = 0; j < rows.keys(last); ++j)
                        if (used[i * s.keys + j] != p[i * stride + j]) dp[i * stride + j] = T(0);
                for (std::size_t i = 0; i < count; ++i)
                    softmax_row_gradient(columns, p + i * stride, static_cast<T>(s.factor()),
                                         dp.data() + i * stride);
                product<T, layout::by_rows>(
                    {.steps = rows.keys(last), .segments = 1, .a_stride = stride}, count, s.d,
                    dp.data(), keys.data(), true, nullptr, 0,
                    dq + s.q_start(n, head) + first * s.q_stride, s.q_stride);
                collect(count, rows.keys(last), dp.data(), stride, q_rows + first * s.q_stride,
                        s.q_stride, dk);
            }
        }
}

}  // namespace diffusion::nn::detail
