#pragma once

#include <algorithm>
#include <cstddef>

namespace diffusion::nn::detail {

/// to(col) += sum over the rows of a (rows, columns) matrix: the gradient of a bias. Sums in double
/// (`sums` is room for `columns` of them), because thousands of pixels add up; four rows are added
/// before, so that a sum waits less often for the one before.
template <class T>
void add_rows(std::size_t rows, std::size_t columns, const T* from, T* to, double* sums) {
    std::fill_n(sums, columns, 0.0);
    std::size_t row = 0;
    for (; row + 4 <= rows; row += 4, from += 4 * columns)
        for (std::size_t col = 0; col < columns; ++col) {
            const T* c = from + col;
            sums[col] +=
                static_cast<double>((c[0] + c[columns]) + (c[2 * columns] + c[3 * columns]));
        }
    for (; row < rows; ++row, from += columns)
        for (std::size_t col = 0; col < columns; ++col) sums[col] += static_cast<double>(from[col]);
    for (std::size_t col = 0; col < columns; ++col) to[col] += static_cast<T>(sums[col]);
}

}  // namespace diffusion::nn::detail
