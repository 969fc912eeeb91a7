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
///
/// Where b is read from far, the numbers `b_ahead` behind those of a step are asked for meanwhile.
struct terms {
    std::size_t steps, segments;
    std::size_t a_stride = 0, a_segment = 0;
    std::size_t b_stride = 0, b_segment = 0;
    std::size_t b_ahead = 0;
};

enum class layout { by_rows, by_columns };

/// c(row, col) = start(row, col) + sum of a b for Rows rows and Vectors vectors of columns; the sum
/// has at least one term. `start` null means zero; start_stride 0 gives every row the same start (a
/// bias). `Segments`: whether there may be several; the loop over them costs registers.
template <class T, layout A, std::size_t Rows, std::size_t Vectors, bool Segments>
void product_block(const terms& sum, const T* a, const T* b, const T* start,
                   std::size_t start_stride, T* c, std::size_t c_stride) {
    constexpr std::size_t lanes = width<T>;
    vec<T> acc[Rows][Vectors] = {};  // unrolled, it has no address and lives in registers
    if (start != nullptr)
#pragma GCC unroll 12
        for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
            for (std::size_t v = 0; v < Vectors; ++v)
                acc[r][v] = load(start + r * start_stride + v * lanes);

    const std::size_t a_stride = sum.a_stride, b_stride = sum.b_stride, steps = sum.steps;
    const std::size_t ahead = sum.b_ahead;
    // (loops that test at the end: were they skipped, `acc` would be wanted in two places)
    std::size_t segment = 0;
    do {
        // one pointer for three rows: twelve would not fit the registers
        const T* a_step[(Rows + 2) / 3];
#pragma GCC unroll 4
        for (std::size_t r = 0; r < Rows; r += 3)
            a_step[r / 3] = a + segment * sum.a_segment + r * (A == layout::by_rows ? a_stride : 1);
        const T* b_step = b + segment * sum.b_segment;
        std::size_t step = 0;
        do {
            vec<T> b_now[Vectors];
#pragma GCC unroll 2
            for (std::size_t v = 0; v < Vectors; ++v) {
                b_now[v] = load(b_step + v * lanes);
                in_register(b_now[v]);
            }
            if constexpr (A == layout::by_rows)
                prefetch<cache::second>(b_step + ahead, Vectors * lanes);
#pragma GCC unroll 12
            for (std::size_t r = 0; r < Rows; ++r) {
                const T a_now = a_step[r / 3][A == layout::by_rows ? r % 3 * a_stride : r % 3];
#pragma GCC unroll 2
                for (std::size_t v = 0; v < Vectors; ++v) acc[r][v] += a_now * b_now[v];
            }
            // in a chain that is alone GCC would not fuse the two operations for some processors
            if constexpr (Rows * Vectors == 1) in_register(acc[0][0]);
#pragma GCC unroll 4
            for (std::size_t r = 0; r < Rows; r += 3)
                a_step[r / 3] += A == layout::by_rows ? 1 : a_stride;
            b_step += b_stride;
        } while (++step < steps);
    } while (Segments && ++segment < sum.segments);

#pragma GCC unroll 12
    for (std::size_t r = 0; r < Rows; ++r)
#pragma GCC unroll 2
        for (std::size_t v = 0; v < Vectors; ++v) store(c + r * c_stride + v * lanes, acc[r][v]);
}

template <class T>
using block_function = void (*)(const terms&, const T*, const T*, const T*, std::size_t, T*,
                                std::size_t);

/// The block functions for 1, 2, ..., row_block rows.
template <class T, layout A, std::size_t Vectors, bool Segments>
inline constexpr auto block_functions = []<std::size_t... H>(std::index_sequence<H...>) {
    struct table {
        block_function<T> of[sizeof...(H)];
    };
    return table{{product_block<T, A, H + 1, Vectors, Segments>...}};
}
(std::make_index_sequence<row_block>{});

/// The blocks that `rows` > 0 rows are cut into: of nearly the same height, 10 + 9 + 9 rather than
/// 12 + 12 + 4, because low blocks wait for their additions.
class block_heights {
public:
    explicit constexpr block_heights(std::size_t rows) {
        const std::size_t blocks = (rows + row_block - 1) / row_block;
        low_ = rows / blocks;
        first_low_ = rows % blocks * (low_ + 1);
    }
    /// Height of the block that begins at `row`.
    constexpr std::size_t at(std::size_t row) const { return row < first_low_ ? low_ + 1 : low_; }

private:
    std::size_t low_, first_low_;
};

/// c = start + a b for any number of rows and columns. With `packed`, b comes from `pack` (and
/// b_stride is ignored); else rows of b are b_stride apart and readable for whole vectors.
template <class T, layout A>
void product(terms sum, std::size_t rows, std::size_t columns, const T* a, const T* b, bool packed,
             const T* start, std::size_t start_stride, T* c, std::size_t c_stride) {
    constexpr std::size_t panel = column_vectors * width<T>;
    if (rows == 0) return;
    if (sum.steps * sum.segments == 0) {  // pixels that a stride leaves out
        for (std::size_t row = 0; row < rows; ++row)
            for (std::size_t col = 0; col < columns; ++col)
                c[row * c_stride + col] = start ? start[row * start_stride + col] : T(0);
        return;
    }
    const block_heights heights(rows);
    for (std::size_t col = 0; col < columns; col += panel) {
        const std::size_t left = std::min(columns - col, panel);
        const std::size_t reach = left <= width<T> ? width<T> : panel;
        const block_function<T>* functions = left <= width<T> ? block_functions<T, A, 1, true>.of
                                             : sum.segments == 1
                                                 ? block_functions<T, A, column_vectors, false>.of
                                                 : block_functions<T, A, column_vectors, true>.of;
        const T* b_panel = b + col;
        if (packed) {
            b_panel = b + col * sum.steps * sum.segments;
            sum.b_stride = reach;
            sum.b_segment = sum.b_stride * sum.steps;
        }
        for (std::size_t row = 0, height; row < rows; row += height) {
            height = heights.at(row);
            const T* a_rows = a + row * (A == layout::by_rows ? sum.a_stride : 1);
            const T* start_rows = start ? start + row * start_stride + col : nullptr;
            T* c_rows = c + row * c_stride + col;
            if (left == reach) {
                functions[height - 1](sum, a_rows, b_panel, start_rows, start_stride, c_rows,
                                      c_stride);
                continue;
            }
            // the last columns do not fill a vector: compute beside c, copy what there is
            T edge[row_block * panel];
            if (start_rows)
                for (std::size_t r = 0; r < height; ++r) {
                    T* to = edge + r * reach;
                    std::fill(std::copy_n(start_rows + r * start_stride, left, to), to + reach,
                              T(0));
                }
            functions[height - 1](sum, a_rows, b_panel, start_rows ? edge : nullptr, reach, edge,
                                  reach);
            for (std::size_t r = 0; r < height; ++r)
                std::copy_n(edge + r * reach, left, c_rows + r * c_stride);
        }
    }
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
    constexpr std::size_t panel = column_vectors * width<T>;
    for (std::size_t first = 0; first < columns; first += panel) {
        const std::size_t last = std::min(first + panel, whole_vectors<T>(columns));
        const std::size_t whole = std::min(last, columns);
        for (std::size_t row = 0; row < rows; ++row) {
            for (std::size_t col = first; col < whole; ++col) *packed++ = at(row, col);
            for (std::size_t col = whole; col < last; ++col) *packed++ = T(0);
        }
    }
}

}  // namespace diffusion::nn::detail
