#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <nn/gradient_check.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("the gradient of a group norm is right for odd sizes, with and without SiLU and shift") {
    for (const bool silu : {false, true})
        for (const nn::shape s :
             {nn::shape{2, 3, 3, 6}, nn::shape{1, 1, 1, 4}, nn::shape{3, 5, 1, 2},
              nn::shape{1, 2, 7, 18}, nn::shape{2, 9, 8, 10}}) {
            INFO(nn::to_string(s), silu ? " with SiLU" : "");
            const nn::group_norm_options options{.groups = 2, .with_silu = silu};
            const nn::shape row{1, 1, 1, s.channels};
            check_gradient({s, row, row}, [&](auto&, const auto& v) {
                return nn::group_norm(v[0], v[1], v[2], options);
            });
            check_gradient({s, row, row, {s.items, 1, 1, s.channels}}, [&](auto&, const auto& v) {
                return nn::group_norm(v[0], v[1], v[2], options, v[3]);
            });
            check_gradient({s, row, row}, [&](auto&, const auto& v) {  // x has a second reader
                return nn::add(nn::group_norm(v[0], v[1], v[2], options), v[0]);
            });
        }
}

TEST_CASE("after a group norm each group of each item has mean 0 and variance 1") {
    const nn::shape s{2, 4, 5, 6};
    const std::vector<double> x = diffusion::test::normals(s.size(), 1);
    const std::vector<double> one(6, 1.0), zero(6, 0.0);
    nn::tape<double> tape;
    const auto y =
        nn::group_norm(tape.constant(s, x.data()), tape.constant({1, 1, 1, 6}, one.data()),
                       tape.constant({1, 1, 1, 6}, zero.data()), {.groups = 3, .epsilon = 0});
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t g = 0; g < 3; ++g) {
            double sum = 0, squares = 0;
            for (std::size_t p = 0; p < 20; ++p)
                for (std::size_t c = 2 * g; c < 2 * g + 2; ++c) {
                    const double v = y.data()[(n * 20 + p) * 6 + c];
                    sum += v;
                    squares += v * v;
                }
            CHECK(std::abs(sum / 40) < 1e-14);
            CHECK(squares / 40 == doctest::Approx(1).epsilon(1e-12));
        }
}

TEST_CASE("a large mean does not spoil the variance in float") {
    const nn::shape s{1, 8, 8, 4};
    std::vector<double> x = diffusion::test::normals(s.size(), 1);
    std::vector<float> xf;
    for (double& v : x) {
        const float f = static_cast<float>(1000 + v);
        xf.push_back(f);
        v = static_cast<double>(f);
    }
    const std::vector<double> one(4, 1.0), zero(4, 0.0);
    const std::vector<float> onef(4, 1.0F), zerof(4, 0.0F);
    nn::tape<double> tape;
    nn::tape<float> tapef;
    const nn::shape row{1, 1, 1, 4};
    const auto y = nn::group_norm(tape.constant(s, x.data()), tape.constant(row, one.data()),
                                  tape.constant(row, zero.data()), {.groups = 2});
    const auto yf = nn::group_norm(tapef.constant(s, xf.data()), tapef.constant(row, onef.data()),
                                   tapef.constant(row, zerof.data()), {.groups = 2});
    // the mean itself, rounded to float, is off by up to 1000 / 2^24
    for (std::size_t i = 0; i < y.size(); ++i)
        CHECK(std::abs(static_cast<double>(yf.data()[i]) - y.data()[i]) < 2e-4);
}

TEST_CASE("groups that do not divide the channels are refused with both numbers") {
    nn::tape<double> tape;
    const std::vector<double> x(6, 1.0);
    const auto v = tape.constant({1, 1, 1, 6}, x.data());
    CHECK_THROWS_AS(nn::group_norm(v, v, v, {.groups = 4}), std::invalid_argument);
    nn::parameters<double> store;
    CHECK_THROWS_AS(nn::group_norm_layer<double>(store, "n", 6, {.groups = 4}),
                    std::invalid_argument);
}
