#include <doctest/doctest.h>
#include <algorithm>
#include <cstddef>
#include <diffusion/nn/conv/matmul.hpp>
#include <vector>

#include "conv_cases.hpp"

using namespace diffusion::nn;
using namespace conv_cases;

TEST_CASE_TEMPLATE("matrix products and their adjoints are right for every shape of the edges", T,
                   float, double) {
    workspace scratch;
    for (std::size_t m : {1u, 2u, 12u, 13u, 25u, 100u, 300u})
        for (std::size_t n : {1u, 3u, 8u, 16u, 17u, 32u, 70u})
            for (std::size_t k : {1u, 5u, 16u, 33u}) {
                CAPTURE(m);
                CAPTURE(n);
                CAPTURE(k);
                const auto x = numbers<T>(m * k, 1), w = numbers<T>(k * n, 2),
                           bias = numbers<T>(n, 3), dy = numbers<T>(m * n, 4);
                std::vector<T> y(m * n), dx(m * k), dw(k * n);
                matmul(m, n, k, x.data(), w.data(), bias.data(), y.data(), scratch);
                matmul_backward_data(m, n, k, dy.data(), w.data(), dx.data(), scratch);
                matmul_backward_weights(m, n, k, x.data(), dy.data(), dw.data(), scratch);

                const conv_shape s{1, 1, m, k, n, 1, 1};  // a pixel per row
                const exact right(s, as_double(x), as_double(w), as_double(bias), as_double(dy));
                const exact size(s, magnitude(as_double(x)), magnitude(as_double(w)),
                                 magnitude(as_double(bias)), magnitude(as_double(dy)));
                const auto of = [](const std::vector<double>& magnitudes, std::size_t terms) {
                    return bounds<T>(magnitudes, static_cast<double>(terms) + 1);
                };
                CHECK(worst_error(y, right.y, of(size.y, k)) <= 1);
                CHECK(worst_error(dx, right.dx, of(size.dx, n)) <= 1);
                CHECK(worst_error(dw, right.dw, of(size.dw, m)) <= 1);
            }
}

TEST_CASE_TEMPLATE("a row of a product has the same bits whatever the number of rows", T, float,
                   double) {
    workspace scratch;
    const std::size_t k = 20, m = 200;
    for (const std::size_t n : {1u, 7u, 8u, 16u, 33u, 48u}) {
        CAPTURE(n);
        const auto x = numbers<T>(m * k, 1), w = numbers<T>(k * n, 2), dy = numbers<T>(m * n, 3);
        std::vector<T> y(m * n), dx(m * k), some(m * std::max(n, k));
        matmul<T>(m, n, k, x.data(), w.data(), nullptr, y.data(), scratch);
        matmul_backward_data<T>(m, n, k, dy.data(), w.data(), dx.data(), scratch);
        for (std::size_t rows = 1; rows < m; ++rows) {
            CAPTURE(rows);
            matmul<T>(rows, n, k, x.data(), w.data(), nullptr, some.data(), scratch);
            CHECK(std::equal(some.data(), some.data() + rows * n, y.data()));
            matmul_backward_data<T>(rows, n, k, dy.data(), w.data(), some.data(), scratch);
            CHECK(std::equal(some.data(), some.data() + rows * k, dx.data()));
        }
    }
}
