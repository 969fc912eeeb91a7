#include <doctest/doctest.h>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/conv/reference.hpp>
#include <numeric>
#include <support/worse.hpp>
#include <vector>

#include "conv_cases.hpp"

using namespace diffusion::nn;
using conv_cases::numbers;

namespace {

const conv_shape odd_shapes[] = {
    {2, 5, 4, 3, 2},       {1, 1, 1, 2, 3},       {1, 6, 7, 2, 2, 3, 2}, {2, 5, 5, 1, 4, 1},
    {1, 4, 9, 2, 1, 5, 1}, {1, 7, 6, 2, 3, 5, 3}, {1, 1, 8, 1, 1, 3, 2}, {1, 3, 3, 2, 2, 1, 2},
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

TEST_CASE("a kernel of ones adds up the neighbours that lie inside of the image") {
    const conv_shape s{.batch = 1, .height = 3, .width = 3};
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8, 9}, w(9, 1.0), bias{100};
    std::vector<double> y(9);
    reference::conv_forward(s, x.data(), w.data(), bias.data(), y.data());
    CHECK(y == std::vector<double>{112, 121, 116, 127, 145, 133, 124, 139, 128});
}

TEST_CASE("a kernel is not turned round: its upper left tap meets the upper left neighbour") {
    const conv_shape s{.batch = 1, .height = 2, .width = 2};
    const std::vector<double> x{1, 2, 3, 4}, w{1, 0, 0, 0, 0, 0, 0, 0, 0};
    std::vector<double> y(4);
    reference::conv_forward<double>(s, x.data(), w.data(), nullptr, y.data());
    CHECK(y == std::vector<double>{0, 0, 0, 1});
}

TEST_CASE("stride 2 keeps every second output of stride 1 and rounds the size up") {
    const conv_shape one{2, 5, 6, 2, 3}, two{2, 5, 6, 2, 3, 3, 2};
    CHECK(two.out_height() == 3);
    CHECK(two.out_width() == 3);
    const auto x = numbers<double>(one.input_size(), 1), w = numbers<double>(one.weight_size(), 2);
    std::vector<double> all(one.output_size()), some(two.output_size());
    reference::conv_forward<double>(one, x.data(), w.data(), nullptr, all.data());
    reference::conv_forward<double>(two, x.data(), w.data(), nullptr, some.data());
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t row = 0; row < 3; ++row)
            for (std::size_t col = 0; col < 3; ++col)
                for (std::size_t o = 0; o < 3; ++o)
                    CHECK(some[((n * 3 + row) * 3 + col) * 3 + o] ==
                          all[((n * 5 + 2 * row) * 6 + 2 * col) * 3 + o]);
}

TEST_CASE("both gradients are adjoints: <dy, conv(x, w)> = <dx, x> = <dw, w>") {
    for (const conv_shape& s : odd_shapes) {
        const auto x = numbers<double>(s.input_size(), 1), w = numbers<double>(s.weight_size(), 2),
                   dy = numbers<double>(s.output_size(), 4);
        std::vector<double> y(s.output_size()), dx(s.input_size()), dw(s.weight_size());
        reference::conv_forward<double>(s, x.data(), w.data(), nullptr, y.data());
        reference::conv_backward_data(s, dy.data(), w.data(), dx.data());
        reference::conv_backward_weights<double>(s, x.data(), dy.data(), dw.data(), nullptr);
        CHECK(dot(dx, x) == doctest::Approx(dot(dy, y)).epsilon(1e-13).scale(1));
        CHECK(dot(dw, w) == doctest::Approx(dot(dy, y)).epsilon(1e-13).scale(1));
    }
}

TEST_CASE("the gradients are what finite differences say, for x, w and the bias") {
    for (const conv_shape& s : odd_shapes) {
        auto x = numbers<double>(s.input_size(), 1), w = numbers<double>(s.weight_size(), 2),
             bias = numbers<double>(s.out, 3);
        const auto dy = numbers<double>(s.output_size(), 4);
        const conv_cases::exact gradient(s, x, w, bias, dy);
        const auto loss = [&] {
            std::vector<double> y(s.output_size());
            reference::conv_forward(s, x.data(), w.data(), bias.data(), y.data());
            return dot(dy, y);
        };
        // the loss is linear in each single number: a difference over h = 1 has no error of its own
        const auto check = [&](std::vector<double>& v, const std::vector<double>& expected) {
            double worst = 0;
            for (std::size_t i = 0; i < v.size(); ++i) {
                const double before = v[i];
                v[i] = before + 0.5;
                const double above = loss();
                v[i] = before - 0.5;
                worst = support::worse(worst, std::abs(above - loss() - expected[i]));
                v[i] = before;
            }
            CHECK(worst < 1e-12);
        };
        check(x, gradient.dx);
        check(w, gradient.dw);
        check(bias, gradient.dbias);
    }
}
