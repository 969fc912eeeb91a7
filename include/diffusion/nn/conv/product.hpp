#pragma once

#include <diffusion/nn/conv/simd.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

/// The one matrix product under all fast kernels.
///
/// A block of c, `row_block` rows by two vectors of columns, stays in registers while the sum runs:
/// each step loads two vectors of b and multiplies them by one number of each row of a. With 24
/// running sums (AVX-512; 12 else) the additions of different sums hide each other's latency, and
/// there are fewer loads than multiplications, so the multipliers never wait.
///
/// The sum may run over several segments with jumps between them: nine taps of a convolution are
/// three segments of three adjacent pixels. This saves the copy that "im2col" makes.
///
/// Each number of c is one chain of additions, in the order of the sum, whatever the block it falls
/// into: its bits do not depend on how many rows are computed together.
namespace diffusion::nn::detail {

inline constexpr std::size_t row_block = vector_registers == 32 ? 12 : 6;
inline constexpr std::size_t column_vectors = 2;

/// Offsets of a sum over `segments` x `steps` terms. In units of T:
///
///     a(row, segment, step) = a[segment * a_segment + row * a_stride + step]    by_rows
///                             a[segment * a_segment + step * a_stride + row]    by_columns
///     b(segment, step, col) = b[segment * b_segment + step * b_stride + col]
struct terms {
    std::size_t steps, segments;
    std::size_t a_stride, a_segment;
    std::size_t b_stride, b_segment;
};

enum class layout { by_rows, by_columns };

/// c(row, col) = start(row, col) + sum of a b for Rows rows and `columns` <= Vectors * width
/// columns. `start` null means zero; start_stride 0 gives every row the same start (a bias). b must
/// be readable for whole vectors of columns.
template <class T, layout A, std::size_t Rows, std::size_t Vectors>
void product_block(const terms& sum, const T* a, const T* b, const T* start,
                   std::size_t start_stride, T* c, std::size_t c_stride, std::size_t columns) {
    constexpr std::size_t lanes = width<T>;
    const bool whole = columns == Vectors * lanes;
    const auto count = [&](std::size_t v) {
        return columns <= v * lanes ? 0 : columns - v * lanes < lanes ? columns - v * lanes : lanes;
    };

    vec<T> acc[Rows][Vectors] = {};
    if (start)
        unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
            unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                const T* from = start + r * start_stride + v * lanes;
                acc[r][v] = whole ? load(from) : load_part(from, count(v));
            });
        });

    const std::size_t a_stride = sum.a_stride, b_stride = sum.b_stride, steps = sum.steps;
    for (std::size_t segment = 0; segment < sum.segments; ++segment) {
        const T* a_step = a + segment * sum.a_segment;
        const T* b_step = b + segment * sum.b_segment;
        for (std::size_t step = 0; step < steps; ++step) {
            vec<T> b_now[Vectors];
            unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                b_now[v] = load(b_step + v * lanes);
            });
            unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
                const T a_now = a_step[A == layout::by_rows ? r * a_stride : std::size_t(r)];
                unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
                    acc[r][v] += a_now * b_now[v];
                });
            });
            a_step += A == layout::by_rows ? 1 : a_stride;
            b_step += b_stride;
        }
    }

    unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
        unrolled<Vectors>([&](auto v) __attribute__((always_inline)) {
            T* to = c + r * c_stride + v * lanes;
            if (whole) store(to, acc[r][v]);
            else store_part(to, acc[r][v], count(v));
        });
    });
}

template <class T>
using block_function = void (*)(const terms&, const T*, const T*, const T*, std::size_t, T*,
                                std::size_t, std::size_t);

/// The block functions for 1, 2, ..., row_block rows.
template <class T, layout A, std::size_t Vectors>
inline constexpr auto block_functions = []<std::size_t... R>(std::index_sequence<R...>) {
    struct table {
        block_function<T> of_rows[sizeof...(R)];
    };
    return table{{product_block<T, A, R + 1, Vectors>...}};
}
(std::make_index_sequence<row_block>{});

/// c = start + a b for any number of rows and columns. With `packed`, b comes from `pack` (and
/// b_stride is ignored); else rows of b are b_stride apart and readable for whole vectors.
template <class T, layout A>
void product(terms sum, std::size_t rows, std::size_t columns, const T* a, const T* b, bool packed,
             const T* start, std::size_t start_stride, T* c, std::size_t c_stride) {
    constexpr std::size_t panel = column_vectors * width<T>;
    // blocks of nearly the same height: 28 rows are 10 + 9 + 9, not 12 + 12 + 4
    const std::size_t blocks = (rows + row_block - 1) / row_block;
    for (std::size_t col = 0; col < columns; col += panel) {
        const std::size_t left = columns - col < panel ? columns - col : panel;
        const bool narrow = left <= width<T>;
        const T* b_panel = b + col;
        if (packed) {
            b_panel = b + col * sum.steps * sum.segments;
            sum.b_stride = narrow ? width<T> : panel;
            sum.b_segment = sum.b_stride * sum.steps;
        }
        const block_function<T>* functions = narrow ? block_functions<T, A, 1>.of_rows
                                                    : block_functions<T, A, column_vectors>.of_rows;
        std::size_t row = 0;
        for (std::size_t block = 0; block < blocks; ++block) {
            const std::size_t height = (rows - row + blocks - block - 1) / (blocks - block);
            functions[height - 1](sum, a + row * (A == layout::by_rows ? sum.a_stride : 1), b_panel,
                                  start ? start + row * start_stride + col : nullptr, start_stride,
                                  c + row * c_stride + col, c_stride, left);
            row += height;
        }
    }
}

/// to(col) += sum over the rows of a (rows, columns) matrix: the gradient of a bias. Sums in double
/// (`sums` is room for `columns` of them), because thousands of pixels add up.
template <class T>
void add_rows(std::size_t rows, std::size_t columns, const T* from, T* to, double* sums) {
    std::fill_n(sums, columns, 0.0);
    for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t col = 0; col < columns; ++col)
            sums[col] += static_cast<double>(from[row * columns + col]);
    for (std::size_t col = 0; col < columns; ++col) to[col] += static_cast<T>(sums[col]);
}

/// Where `pack` puts row k of the panel that holds column `col`, for a matrix of `rows` rows.
template <class T>
constexpr std::size_t packed_offset(std::size_t rows, std::size_t columns, std::size_t row,
                                    std::size_t col) {
    constexpr std::size_t panel = column_vectors * width<T>;
    const std::size_t first = col / panel * panel;
    const std::size_t stride = columns - first <= width<T> ? width<T> : panel;
    return first * rows + row * stride + (col - first);
}

/// Elements of a packed matrix.
template <class T>
constexpr std::size_t packed_size(std::size_t rows, std::size_t columns) {
    return rows * whole_vectors<T>(columns);
}

/// Writes b(row, col) = at(row, col) panel by panel: the two vectors of a step lie side by side and
/// the next step follows, so that a block reads memory straight on. Missing columns become zero.
template <class T, class At>
void pack(std::size_t rows, std::size_t columns, At&& at, T* packed) {
    for (std::size_t col = 0; col < whole_vectors<T>(columns); ++col)
        for (std::size_t row = 0; row < rows; ++row)
            packed[packed_offset<T>(rows, columns, row, col)] = col < columns ? at(row, col) : T(0);
}

}  // namespace diffusion::nn::detail
