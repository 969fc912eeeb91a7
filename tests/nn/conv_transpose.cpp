#include <doctest/doctest.h>
#include <diffusion/nn/conv/transpose.hpp>

#include <cstddef>
#include <limits>
#include <vector>

namespace detail = diffusion::nn::detail;

TEST_CASE_TEMPLATE("a square of vectors is transposed", T, float, double) {
    constexpr std::size_t n = detail::width<T>;
    detail::vec<T> rows[n];
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) rows[i][j] = static_cast<T>(n * i + j);
    detail::transpose<T>(rows);
    bool right = true;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) right &= rows[i][j] == static_cast<T>(n * j + i);
    CHECK(right);
}

TEST_CASE("matrices of any size are packed, and transposed, as the product reads them") {
    constexpr float untouched = std::numeric_limits<float>::max();
    for (std::size_t rows : {1U, 5U, 16U, 33U, 64U})
        for (std::size_t columns : {1U, 3U, 16U, 20U, 47U}) {
            INFO(rows, " x ", columns);
            const std::size_t stride = columns + 2;
            std::vector<float> from(rows * stride);
            for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
            const auto at = [&](std::size_t row, std::size_t col) {
                return row < rows && col < columns ? from[row * stride + col] : 0;
            };
            const std::size_t size = detail::packed_size<float>(rows, columns);
            std::vector<float> packed(size, untouched), expected(size, untouched);
            detail::pack_rows(rows, columns, from.data(), stride, packed.data());
            detail::pack<float>(rows, columns, at, expected.data());
            CHECK(packed == expected);

            const std::size_t whole = detail::whole_vectors<float>(rows);
            const std::size_t turned = detail::packed_size<float>(columns, whole);
            packed.assign(turned, untouched);
            expected.assign(turned, untouched);
            detail::pack_transposed(rows, columns, from.data(), stride, 0.5F, packed.data());
            detail::pack<float>(
                columns, whole,
                [&](std::size_t row, std::size_t col) { return 0.5F * at(col, row); },
                expected.data());
            CHECK(packed == expected);
        }
}
