#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <utility>

/// Packs parts of matrices, whose rows lie anywhere, as the right factor of a `product`.
namespace diffusion::nn::detail {

/// Transposes a square of numbers in registers.
///
/// A number's place is its row and its column, written as binary digits one after the other.
/// Interleaving the rows i and i + width/2 turns those digits round by one place; after as many
/// turns as a row index has digits, row and column have changed places.
template <class T>
DIFFUSION_INLINE inline void transpose(vec<T> (&rows)[width<T>]) {
    constexpr std::size_t n = width<T>;
    const auto interleave = []<std::size_t... I>(std::index_sequence<I...>, vec<T> a, vec<T> b,
                                                 vec<T> & low, vec<T> & high) {
        low = __builtin_shufflevector(a, b, (I / 2 + I % 2 * n)...);
        high = __builtin_shufflevector(a, b, (n / 2 + I / 2 + I % 2 * n)...);
    };
    for (std::size_t turn = 1; turn < n; turn *= 2) {
        vec<T> turned[n];
        unrolled<n / 2>([&](auto i) {
            interleave(std::make_index_sequence<n>{}, rows[i], rows[i + n / 2], turned[2 * i],
                       turned[2 * i + 1]);
        });
        unrolled<n>([&](auto i) { rows[i] = turned[i]; });
    }
}

/// Reads a square of `height` rows, `stride` apart, of `left` numbers; what lies beyond is zero.
template <class T>
DIFFUSION_INLINE inline void load_square(const T* from, std::size_t stride, std::size_t height,
                                         std::size_t left, vec<T> (&square)[width<T>]) {
    constexpr std::size_t n = width<T>;
    if (height >= n && left >= n) {
        unrolled<n>([&](auto i) { square[i] = load(from + i * stride); });
    } else {
        for (std::size_t i = 0; i < n; ++i)
            square[i] = i < height ? load_some(from + i * stride, std::min(left, n)) : vec<T>{};
    }
}

/// Packs factor times the transpose of `from` (rows, columns), whose rows begin `stride` apart:
/// the right factor (columns, whole vectors of rows) of a `product`, with zeros in the rows that
/// are not there.
template <class T>
void pack_transposed(std::size_t rows, std::size_t columns, const T* from, std::size_t stride,
                     T factor, T* packed) {
    constexpr std::size_t n = width<T>;
    const std::size_t whole = whole_vectors<T>(rows);
    for (std::size_t row = 0; row < rows; row += n)
        for (std::size_t col = 0; col < columns; col += n) {
            const std::size_t left = std::min(n, columns - col);
            vec<T> square[n];
            load_square(from + row * stride + col, stride, rows - row, left, square);
            transpose<T>(square);
            for (std::size_t j = 0; j < left; ++j)
                store<T>(packed + packed_offset<T>(columns, whole, col + j, row),
                         factor * square[j]);
        }
}

/// Packs `from` (rows, columns), whose rows begin `stride` apart.
template <class T>
void pack_rows(std::size_t rows, std::size_t columns, const T* from, std::size_t stride,
               T* packed) {
    for (std::size_t first = 0, reach; first < columns; first += reach) {
        reach = std::min(column_vectors * width<T>, whole_vectors<T>(columns - first));
        for (std::size_t row = 0; row < rows; ++row)
            for (std::size_t at = first; at < first + reach; at += width<T>, packed += width<T>)
                store<T>(packed, at + width<T> <= columns
                                     ? load(from + row * stride + at)
                                     : load_some(from + row * stride + at, columns - at));
    }
}

}  // namespace diffusion::nn::detail
