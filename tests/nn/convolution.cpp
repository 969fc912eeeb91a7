#include <doctest/doctest.h>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/linear.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "conv_cases.hpp"

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

namespace {

/// The layer's result y for x, of shape `expected`, and the gradients of x and of the parameters if
/// that of y is y.
template <class Layer>
std::vector<float> forward_and_back(nn::parameters<float>& store, const Layer& layer,
                                    const nn::shape& s, const std::vector<float>& x,
                                    const nn::shape& expected) {
    nn::tape<float> tape;
    std::vector<float> gradient(store.values().size(), 0.0F);
    tape.collect(store, gradient);
    const auto in = tape.input(s, x.data());
    const auto y = layer(in);
    CHECK(y.shape() == expected);
    tape.backward(y, y.values());
    std::vector<float> all(y.values().begin(), y.values().end());
    all.insert(all.end(), in.gradient().begin(), in.gradient().end());
    all.insert(all.end(), gradient.begin(), gradient.end());
    return all;
}

}  // namespace

TEST_CASE("the gradient of a convolution is right for odd sizes, kernels and strides") {
    for (const std::size_t kernel : {1U, 3U, 5U})
        for (const std::size_t stride : {1U, 2U})
            for (const nn::shape s :
                 {nn::shape{2, 3, 5, 2}, nn::shape{1, 1, 1, 3}, nn::shape{1, 4, 2, 9}}) {
                INFO("kernel ", kernel, " stride ", stride, " ", nn::to_string(s));
                const nn::shape w{1, 1, 1, kernel * kernel * s.channels * 3};
                check_gradient({s, w, {1, 1, 1, 3}}, [&](auto&, const auto& v) {
                    return nn::convolve(v[0], v[1], v[2], 3, kernel, stride);
                });
            }
    check_gradient({{1, 3, 3, 2}, {1, 1, 1, 36}},
                   [&](auto&, const auto& v) {  // x read twice, no bias
                       return nn::add(nn::convolve(v[0], v[1], nn::var<double>(), 2, 3), v[0]);
                   });
}

TEST_CASE("the gradient of a linear map is right") {
    check_gradient({{3, 1, 2, 5}, {1, 1, 1, 20}, {1, 1, 1, 4}},
                   [](auto&, const auto& v) { return nn::linear(v[0], v[1], v[2]); });
}

TEST_CASE_TEMPLATE("a layer with prepared weights has the bits of one without", Layer,
                   nn::conv2d<float>, nn::linear_layer<float>) {
    for (const std::size_t out : {std::size_t(24), std::size_t(3)}) {
        nn::parameters<float> store(1);
        const Layer layer(store, "c", 20, out);
        std::vector<float> x(2 * 5 * 6 * 20);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6;
        const auto run = [&] {
            return forward_and_back(store, layer, {2, 5, 6, 20}, x, {2, 5, 6, out});
        };
        const std::vector<float> before = run();
        store.prepare(true);
        CHECK(store.prepared(layer.weight.index).backward != nullptr);
        CHECK(run() == before);
        layer.weight.change_values()[0] += 1;  // the prepared form is stale and must not be used
        CHECK(store.prepared(layer.weight.index).forward == nullptr);
        CHECK(run() != before);
    }
}

TEST_CASE("the gradient of a transposed convolution is right for odd sizes, kernels and strides") {
    for (const std::size_t kernel : {1U, 3U, 5U})
        for (const std::size_t stride : {1U, 2U, 3U})
            for (const nn::shape s : {nn::shape{2, 3, 5, 2}, nn::shape{1, 1, 1, 9}}) {
                INFO("kernel ", kernel, " stride ", stride, " ", nn::to_string(s));
                const nn::shape w{1, 1, 1, kernel * kernel * s.channels * 3};
                check_gradient({s, w, {1, 1, 1, 3}}, [&](auto&, const auto& v) {
                    return nn::convolve_transposed(v[0], v[1], v[2], 3, kernel, stride);
                });
            }
    check_gradient({{1, 3, 3, 2}, {1, 1, 1, 36}}, [&](auto&, const auto& v) {  // x read twice
        return nn::add(nn::convolve_transposed(v[0], v[1], nn::var<double>(), 2, 3, 1), v[0]);
    });
}

TEST_CASE("a transposed convolution adds a stamp for each pixel, with and without preparation") {
    const std::size_t in = 20, out = 18, kernel = 3, height = 5, width = 4;
    for (const std::size_t stride : {1U, 2U}) {
        nn::parameters<float> store(1);
        const nn::conv2d_transposed<float> layer(store, "up", in, out, kernel, stride);
        const nn::shape s{2, height, width, in};
        std::vector<float> x(s.size());
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6;
        const auto weight = layer.weight.values(), bias = layer.bias.values();
        const std::size_t rows = stride * height, columns = stride * width;
        std::vector<double> expected(2 * rows * columns * out);
        for (std::size_t e = 0; e < expected.size(); ++e)
            expected[e] = static_cast<double>(bias[e % out]);
        for (std::size_t n = 0; n < 2; ++n)
            for (std::size_t p = 0; p < height * width; ++p)
                for (std::size_t k = 0; k < kernel * kernel; ++k) {
                    const std::size_t row = stride * (p / width) + k / kernel - 1;
                    const std::size_t column = stride * (p % width) + k % kernel - 1;
                    if (row >= rows || column >= columns) continue;
                    for (std::size_t o = 0; o < out; ++o)
                        for (std::size_t i = 0; i < in; ++i)
                            expected[((n * rows + row) * columns + column) * out + o] +=
                                static_cast<double>(x[(n * height * width + p) * in + i]) *
                                static_cast<double>(weight[(k * out + o) * in + i]);
                }
        const auto run = [&] {
            return forward_and_back(store, layer, s, x, {2, rows, columns, out});
        };
        const std::vector<float> got = run();
        double worst = 0;
        for (std::size_t e = 0; e < expected.size(); ++e)
            worst = support::worse(worst, std::abs(expected[e] - static_cast<double>(got[e])));
        CHECK(worst < 2e-5);
        store.prepare(true);
        CHECK(run() == got);
    }
}

TEST_CASE("in float a transposed convolution is its definition within the count of its roundings") {
    using namespace conv_cases;
    for (const nn::conv_shape& kind : sweep()) {
        // of the convolution from y to x: its size is a multiple of the stride
        nn::conv_shape s = kind;
        s.height *= s.stride;
        s.width *= s.stride;
        if (s.kernel == 1 || s.operations() > 2e6) continue;
        if (nn::conv_method_for<float>(s) == nn::conv_method::winograd) continue;
        CAPTURE(name(s));
        const auto x = numbers<float>(s.output_size(), 1), w = numbers<float>(s.weight_size(), 2),
                   b = numbers<float>(s.in, 3), dy = numbers<float>(s.input_size(), 4);
        nn::tape<float> tape;
        const nn::shape small{s.batch, s.out_height(), s.out_width(), s.out};
        const auto in = tape.input(small, x.data());
        const auto weight = tape.input({1, 1, 1, w.size()}, w.data());
        const auto bias = tape.input({1, 1, 1, b.size()}, b.data());
        const auto y = nn::convolve_transposed(in, weight, bias, s.in, s.kernel, s.stride);
        REQUIRE(y.shape() == nn::shape{s.batch, s.height, s.width, s.in});
        tape.backward(y, std::span<const float>(dy));

        // y is the gradient of the convolution, its gradient is the convolution
        const auto definition = [&](auto&& of) {
            const auto x_ = of(as_double(x)), w_ = of(as_double(w)), b_ = of(as_double(b)),
                       dy_ = of(as_double(dy));
            exact e(s, dy_, w_, std::vector<double>(s.out), x_);
            for (std::size_t i = 0; i < e.dx.size(); ++i) e.dx[i] += b_[i % s.in];
            return e;
        };
        const exact right = definition([](std::vector<double> v) { return v; });
        const exact size = definition(magnitude);
        const auto error = [&](std::span<const float> computed, const std::vector<double>& expected,
                               const std::vector<double>& magnitudes, std::size_t roundings) {
            return worst_error(std::vector<float>(computed.begin(), computed.end()), expected,
                               bounds<float>(magnitudes, static_cast<double>(roundings)));
        };
        const std::size_t taps = s.kernel * s.kernel, pixels = small.rows();
        CHECK(error(y.values(), right.dx, size.dx, taps * s.out + 2) <= 1);
        CHECK(error(in.gradient(), right.y, size.y, taps * s.in + 1) <= 1);
        CHECK(error(weight.gradient(), right.dw, size.dw, pixels + 1) <= 1);
    }
}

TEST_CASE("even kernels, strides of 0 and weights that do not fit are refused") {
    nn::tape<double> tape;
    const std::vector<double> x(144, 0.0);
    const auto v = tape.constant({1, 2, 2, 3}, x.data());
    const auto w = tape.constant({1, 1, 1, 18}, x.data());
    const nn::var<double> none;
    CHECK_THROWS_WITH_AS(nn::convolve_transposed(v, w, none, 2, 3),
                         "diffusion::nn::convolve_transposed: the weights must fit kernel, input "
                         "and output channels, got (1, 1, 1, 18) and (1, 2, 2, 3)",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::convolve(v, w, none, 2, 3), std::invalid_argument);
    for (const std::size_t kernel : {0U, 2U, 4U}) {
        CHECK_THROWS_AS(nn::convolve_transposed(v, w, none, 2, kernel), std::invalid_argument);
        CHECK_THROWS_AS(nn::convolve(v, w, none, 2, kernel), std::invalid_argument);
    }
    const auto fits = tape.constant({1, 1, 1, 54}, x.data());
    CHECK_THROWS_AS(nn::convolve_transposed(v, fits, none, 2, 3, 0), std::invalid_argument);
    CHECK_THROWS_AS(nn::convolve(v, fits, none, 2, 3, 0), std::invalid_argument);
    const auto three = tape.constant({1, 1, 1, 3}, x.data());
    CHECK_THROWS_AS(nn::convolve_transposed(v, fits, three, 2, 3), std::invalid_argument);
    CHECK_THROWS_WITH_AS(nn::convolve(v, fits, three, 2, 3),
                         "diffusion::nn::convolve: the bias must have one number per output "
                         "channel, got 3",
                         std::invalid_argument);
    nn::parameters<double> store;
    CHECK_THROWS_AS(nn::conv2d_transposed<double>(store, "even", 2, 2, 4), std::invalid_argument);
    const nn::conv2d_transposed<double> layer(store, "up", 2, 2);
    CHECK_THROWS_AS(layer(v), std::invalid_argument);
}

TEST_CASE("frozen weights get no gradient, and what is below them still does") {
    nn::parameters<double> store(1);
    const nn::conv2d<double> conv(store, "c", 2, 2);
    CHECK(store.freeze("c.weight") == 1);
    const std::vector<double> x(2 * 3 * 3 * 2, 0.5);
    nn::tape<double> tape;
    std::vector<double> gradient(store.values().size(), 0.0);
    tape.collect(store, gradient);
    const auto in = tape.input({2, 3, 3, 2}, x.data());
    const auto y = conv(in);
    const std::vector<double> seed(y.size(), 1.0);
    tape.backward(y, seed);
    const auto& weight = conv.weight.info();
    const auto& bias = conv.bias.info();
    for (std::size_t i = 0; i < weight.size; ++i) CHECK(gradient[weight.offset + i] == 0);
    for (std::size_t i = 0; i < bias.size; ++i) CHECK(gradient[bias.offset + i] == 18);
    CHECK(std::ranges::any_of(in.gradient(), [](double g) { return g != 0; }));
}

TEST_CASE("an input with the wrong number of channels is refused by the layer's name") {
    nn::parameters<double> store;
    const nn::conv2d<double> conv(store, "down.0.c1", 2, 2);
    const nn::linear_layer<double> linear(store, "te.0", 2, 2);
    const std::vector<double> x(3, 0.0);
    nn::tape<double> tape;
    const auto in = tape.constant({1, 1, 1, 3}, x.data());
    CHECK_THROWS_WITH_AS(
        conv(in),
        "down.0.c1.weight: the input must have the layer's number of channels, got "
        "\"(1, 1, 1, 3)\"",
        std::invalid_argument);
    CHECK_THROWS_AS(linear(in), std::invalid_argument);
    CHECK_THROWS_AS(nn::conv2d<double>(store, "even", 2, 2, 4), std::invalid_argument);
}
