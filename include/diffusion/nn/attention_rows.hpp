#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/transpose.hpp>
#include <diffusion/nn/softmax.hpp>
#include <limits>

namespace diffusion::nn::detail {

/// The sizes of an attention. The rows of q are `q_stride` apart, those of k and v `kv_stride`; the
/// rows of the result are heads * d apart. Each head takes d channels, the next head the next d.
struct attention_sizes {
    std::size_t items, heads, d;
    std::size_t queries, keys;  // positions of an item
    std::size_t q_stride, kv_stride;
    bool causal;  // query i sees the keys 0, ..., i

    std::size_t channels() const { return heads * d; }
    std::size_t scores() const { return queries * keys; }  // of one item and head

    /// Multiplications and additions of both products.
    double operations() const { return 4 * static_cast<double>(items * scores() * channels()); }

    /// 1 / sqrt(d), with which the scores have the variance of q and k.
    double factor() const { return 1 / std::sqrt(static_cast<double>(d)); }

    /// Where the numbers of an item's head begin, and the place of its map among all.
    std::size_t q_start(std::size_t n, std::size_t head) const {
        return n * queries * q_stride + head * d;
    }
    std::size_t kv_start(std::size_t n, std::size_t head) const {
        return n * keys * kv_stride + head * d;
    }
    std::size_t out_start(std::size_t n, std::size_t head) const {
        return n * queries * channels() + head * d;
    }
    std::size_t map(std::size_t n, std::size_t head) const { return n * heads + head; }
};

/// The weights of a block of queries: rows of whole vectors, whose columns beyond the keys are 0.
template <class T>
class attention_rows {
public:
    static constexpr std::size_t most_rows = 4 * row_block;

    /// `mask`: a weight for each item and key, or null.
    attention_rows(const attention_sizes& sizes, const T* mask, arena<T>& memory)
        : s_(sizes),
          mask_(mask),
          whole_(whole_vectors<T>(s_.keys)),
          bias_(memory, whole_),
          keys_(memory, packed_size<T>(s_.d, whole_)),
          weights_(memory, std::min(most_rows, s_.queries) * stride()) {}

    /// From one row to the next: an odd number of vectors, so that a column of rows does not crowd
    /// into a few sets of the cache.
    std::size_t stride() const { return (whole_ / width<T> | 1) * width<T>; }

    /// Columns, a multiple of what the product takes at once, that hold all keys that the queries
    /// before `last` see.
    std::size_t columns(std::size_t last) const {
        constexpr std::size_t panel = column_vectors * width<T>;
        return s_.causal ? std::min(whole_, (last + panel - 1) / panel * panel) : whole_;
    }
    /// Keys that the queries before `last` see.
    std::size_t keys(std::size_t last) const { return s_.causal ? last : s_.keys; }

    /// To be called for each item and head, before the others.
    void prepare(const T* k, std::size_t n, std::size_t head) {
        pack_transposed(s_.keys, s_.d, k + s_.kv_start(n, head), s_.kv_stride,
                        static_cast<T>(s_.factor()), keys_.data());
        // the logarithm of the mask is added to the scores: weights m exp(s), and 0 beyond the keys
        for (std::size_t j = 0; j < s_.keys; ++j)
            bias_[j] = mask_ != nullptr ? std::log(mask_[n * s_.keys + j]) : T(0);
        std::fill(bias_.data() + s_.keys, bias_.data() + whole_,
                  -std::numeric_limits<T>::infinity());
    }

    /// The weights of the queries first, ..., last - 1, valid until the next call, and for each of
    /// them the two numbers of its `softmax_norm`.
    T* find(const T* q, std::size_t first, std::size_t last, T* norms) {
        score(q, first, last);
        for (std::size_t i = first; i < last; ++i) {
            const softmax_norm<T> norm = softmax_row(columns(last), row(i - first));
            norms[2 * i] = norm.largest;
            norms[2 * i + 1] = norm.inverse;
        }
        return weights_.data();
    }

    /// The same from the norms that `find` gave, to the same bits.
    T* find_again(const T* q, std::size_t first, std::size_t last, const T* norms) {
        score(q, first, last);
        for (std::size_t i = first; i < last; ++i)
            softmax_row_again<T>(columns(last), {norms[2 * i], norms[2 * i + 1]}, row(i - first));
        return weights_.data();
    }

private:
    T* row(std::size_t i) { return weights_.data() + i * stride(); }

    void score(const T* q, std::size_t first, std::size_t last) {
        product<T, layout::by_rows>({.steps = s_.d, .segments = 1, .a_stride = s_.q_stride},
                                    last - first, columns(last), q + first * s_.q_stride,
                                    keys_.data(), true, bias_.data(), 0, weights_.data(), stride());
        if (!s_.causal) return;
        for (std::size_t i = first; i < last; ++i)
            std::fill(row(i - first) + i + 1, row(i - first) + columns(last),
                      -std::numeric_limits<T>::infinity());
    }

    const attention_sizes& s_;
    const T* mask_;
    std::size_t whole_;
    arena_block<T> bias_, keys_, weights_;
};

}  // namespace diffusion::nn::detail
