#include <doctest/doctest.h>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/conv/conv3x3.hpp>
#include <vector>

#include "conv_cases.hpp"

using namespace diffusion::nn;
using namespace conv_cases;

namespace {

/// The three passes against the definition, for a method that adds up one product after the other.
template <class T>
void compare_with_definition(const conv_shape& s, workspace& scratch) {
    CAPTURE(name(s));
    const fast<T> f(s, scratch);
    const exact right(s, f), magnitudes = exact::of_magnitudes(s, f);
    const auto taps = static_cast<double>(s.kernel * s.kernel);
    const auto pixels = static_cast<double>(s.batch * s.out_height() * s.out_width());
    const auto in = static_cast<double>(s.in), out = static_cast<double>(s.out);
    // the bias is summed in double, then rounded to T and added to the old value
    const double bias = 2 + pixels * (sizeof(T) == 4 ? std::ldexp(1, -29) : 1);
    CHECK(worst_error(f.y, right.y, bounds<T>(magnitudes.y, taps * in + 1)) <= 1);
    CHECK(worst_error(f.dx, right.dx, bounds<T>(magnitudes.dx, taps * out + 1)) <= 1);
    CHECK(worst_error(f.dw, right.dw, bounds<T>(magnitudes.dw, pixels)) <= 1);
    CHECK(worst_error(f.dbias, right.dbias, bounds<T>(magnitudes.dbias, bias)) <= 1);
}

}  // namespace

TEST_CASE("the sweep has all sizes, channels, strides and odd batches") {
    bool height[34] = {}, width[34] = {}, in[71] = {}, out[71] = {}, batch[6] = {}, stride[4] = {};
    for (const conv_shape& s : sweep())
        height[s.height] = width[s.width] = in[s.in] = out[s.out] = batch[s.batch] =
            stride[s.stride] = true;
    for (std::size_t n = 1; n <= 33; ++n) CHECK((height[n] && width[n]));
    for (std::size_t n = 1; n <= 70; ++n) CHECK((in[n] && out[n]));
    CHECK((batch[1] && batch[3] && batch[5] && stride[1] && stride[2] && stride[3]));
}

TEST_CASE("the fast passes are the definition within the count of their roundings (direct)") {
    workspace scratch;
    for (const conv_shape& s : sweep())
        if (conv_method_for<float>(s) != conv_method::winograd)  // that is in conv_winograd.cpp
            compare_with_definition<float>(s, scratch);
}

TEST_CASE("in double all passes keep the precision of double") {
    workspace scratch;
    for (const conv_shape& s : sweep())
        if (s.operations() < 1e6) compare_with_definition<double>(s, scratch);
}

TEST_CASE_TEMPLATE("rows that are computed in any ranges have the bits of the whole", T, float,
                   double) {
    workspace scratch;
    for (const conv_shape& s : {conv_shape{1, 14, 13, 32, 48}, conv_shape{2, 7, 7, 17, 33},
                                conv_shape{1, 9, 6, 16, 3}, conv_shape{2, 11, 12, 5, 20, 3, 2},
                                conv_shape{1, 8, 8, 24, 40, 1}, conv_shape{2, 9, 9, 3, 20, 5, 3}}) {
        CAPTURE(name(s));
        const fast<T> whole(s, scratch);
        std::vector<T> forward(conv_prepared_size<T>(s)), backward(conv_prepared_size<T>(s));
        conv_prepare_forward(s, whole.w.data(), forward.data());
        conv_prepare_backward_data(s, whole.w.data(), backward.data());
        for (std::size_t cut : {1u, 2u, 3u, 5u}) {
            std::vector<T> y(s.output_size(), T(-7)), dx(s.input_size(), T(-7));
            for (const row_range rows :
                 {row_range{0, cut}, row_range{cut, cut + 2}, row_range{cut + 2}}) {
                conv_forward_prepared(s, whole.x.data(), forward.data(), whole.bias.data(),
                                      y.data(), scratch, rows);
                conv_backward_data_prepared(s, whole.dy.data(), backward.data(), dx.data(), scratch,
                                            rows);
            }
            CHECK(y == whole.y);
            CHECK(dx == whole.dx);
        }
    }
}

TEST_CASE("a range of rows touches no other row") {
    workspace scratch;
    for (const conv_shape& s : {conv_shape{1, 11, 9, 16, 16}, conv_shape{1, 11, 9, 3, 5},
                                conv_shape{1, 11, 9, 16, 16, 1}}) {
        const auto x = numbers<float>(s.input_size(), 1), w = numbers<float>(s.weight_size(), 2);
        std::vector<float> u(conv_prepared_size<float>(s)), y(s.output_size(), 42.0f);
        conv_prepare_forward(s, w.data(), u.data());
        conv_forward_prepared<float>(s, x.data(), u.data(), nullptr, y.data(), scratch, {3, 6});
        const std::size_t row = s.out_width() * s.out;
        for (std::size_t i = 0; i < y.size(); ++i) {
            const bool inside = i >= 3 * row && i < 6 * row;
            CHECK_MESSAGE((y[i] == 42.0f) == !inside, name(s), i);
        }
    }
}

TEST_CASE("an image has the same bits alone and in a batch") {
    workspace scratch;
    for (conv_shape s : {conv_shape{3, 7, 7, 33, 32}, conv_shape{3, 5, 6, 1, 32},
                         conv_shape{3, 8, 7, 32, 32, 3, 2}, conv_shape{3, 5, 5, 20, 24, 1}}) {
        const fast<float> all(s, scratch);
        s.batch = 1;
        for (std::size_t n = 0; n < 3; ++n) {
            std::vector<float> y(s.output_size()), dx(s.input_size());
            conv_forward(s, all.x.data() + n * s.input_size(), all.w.data(), all.bias.data(),
                         y.data(), scratch);
            conv_backward_data(s, all.dy.data() + n * s.output_size(), all.w.data(), dx.data(),
                               scratch);
            for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == all.y[n * y.size() + i]);
            for (std::size_t i = 0; i < dx.size(); ++i) CHECK(dx[i] == all.dx[n * dx.size() + i]);
        }
    }
}

TEST_CASE("weights that were prepared for one size of image fit every other") {
    workspace scratch;
    const conv_shape small{1, 1, 1, 32, 32}, large{1, 9, 9, 32, 32};
    const auto w = numbers<float>(small.weight_size(), 2);
    REQUIRE(conv_prepared_size<float>(small) == conv_prepared_size<float>(large));
    std::vector<float> one(conv_prepared_size<float>(small)), other(one.size());
    conv_prepare_forward(small, w.data(), one.data());
    conv_prepare_forward(large, w.data(), other.data());
    CHECK(one == other);
}

TEST_CASE("the gradients of weights and bias are added to what is there") {
    workspace scratch;
    for (const conv_shape& s : {conv_shape{1, 12, 12, 16, 32}, conv_shape{1, 6, 6, 2, 3},
                                conv_shape{1, 6, 6, 32, 1}, conv_shape{1, 6, 6, 20, 20, 1}}) {
        CAPTURE(name(s));
        const fast<float> f(s, scratch);
        std::vector<float> dw = f.dw, dbias = f.dbias;
        conv_backward_weights(s, f.x.data(), f.dy.data(), dw.data(), dbias.data(), scratch);
        for (std::size_t i = 0; i < dw.size(); ++i)
            CHECK(dw[i] == doctest::Approx(2 * f.dw[i]).epsilon(1e-5).scale(1));
        for (std::size_t o = 0; o < s.out; ++o)
            CHECK(dbias[o] == doctest::Approx(2 * f.dbias[o]).epsilon(1e-5).scale(1));
    }
}

TEST_CASE("the scratch memory stops growing after the first pass") {
    workspace scratch;
    const conv_shape shapes[] = {{2, 8, 8, 32, 32}, {2, 8, 8, 1, 16, 3, 2}, {2, 8, 8, 40, 24, 1}};
    for (const conv_shape& s : shapes) fast<float>(s, scratch);
    const std::size_t size = scratch.size();
    const void* memory = scratch.take<float>(1);
    for (const conv_shape& s : shapes) fast<float>(s, scratch);
    CHECK(scratch.size() == size);
    CHECK(scratch.take<float>(1) == memory);
}
