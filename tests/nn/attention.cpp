#include <doctest/doctest.h>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("the gradient of self-attention is right for odd sizes and several heads") {
    check_gradient({{2, 3, 1, 9}}, [](auto&, const auto& v) { return nn::self_attention(v[0]); });
    check_gradient({{1, 2, 3, 12}},
                   [](auto&, const auto& v) { return nn::self_attention(v[0], 2); });
    check_gradient({{1, 1, 1, 3}}, [](auto&, const auto& v) { return nn::self_attention(v[0]); });
    check_gradient({{1, 5, 2, 30}},
                   [](auto&, const auto& v) { return nn::self_attention(v[0], 5); });
    check_gradient({{1, 2, 2, 3}}, [](auto&, const auto& v) {
        return nn::add(nn::self_attention(v[0]), nn::self_attention(nn::scale(v[0], 2.0)));
    });
}

TEST_CASE(
    "each output of self-attention is the softmax-weighted mean of the values, by definition") {
    const nn::shape s{2, 9, 11, 12};  // 99 positions: two blocks of queries
    const std::size_t heads = 2, d = 2, length = 99;
    const std::vector<double> x = diffusion::test::normals(s.size(), 5);
    nn::tape<double> tape;
    const auto y = nn::self_attention(tape.constant(s, x.data()), heads);
    const auto recorded = nn::self_attention(tape.input(s, x.data()), heads);
    double worst = 0, between = 0;
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t h = 0; h < heads; ++h)
            for (std::size_t i = 0; i < length; ++i) {
                const double* item = x.data() + n * length * 12 + h * d;
                double sum = 0;
                std::vector<double> out(d);
                for (std::size_t j = 0; j < length; ++j) {
                    double score = 0;
                    for (std::size_t c = 0; c < d; ++c)
                        score += item[i * 12 + c] * item[j * 12 + 4 + c];
                    const double w = std::exp(score / std::sqrt(2.0));
                    sum += w;
                    for (std::size_t c = 0; c < d; ++c) out[c] += w * item[j * 12 + 8 + c];
                }
                for (std::size_t c = 0; c < d; ++c) {
                    const std::size_t e = (n * length + i) * 4 + h * d + c;
                    worst = std::max(worst, std::abs(y.data()[e] - out[c] / sum));
                    between = std::max(between, std::abs(y.data()[e] - recorded.data()[e]));
                }
            }
    CHECK(worst < 1e-14);
    CHECK(between == 0);
}

TEST_CASE("the gradient of cross-attention is right for odd sizes and several heads") {
    const auto attend = [](std::size_t heads) {
        return [heads](auto&, const auto& v) { return nn::cross_attention(v[0], v[1], heads); };
    };
    check_gradient({{2, 3, 1, 5}, {2, 1, 7, 10}}, attend(1));
    check_gradient({{1, 2, 3, 6}, {1, 1, 1, 12}}, attend(2));
    check_gradient({{1, 1, 1, 9}, {1, 5, 1, 18}}, attend(3));
    check_gradient({{2, 5, 2, 4}, {2, 1, 3, 8}}, [](auto&, const auto& v) {  // several readers
        return nn::add(nn::cross_attention(v[0], v[1], 2), nn::cross_attention(v[0], v[1], 1));
    });
}

TEST_CASE("cross-attention to oneself is self-attention, and only one side may want a gradient") {
    const nn::shape s{2, 7, 10, 4};  // 70 positions: two blocks of queries
    const std::size_t positions = s.rows();
    const std::vector<double> x = diffusion::test::normals(3 * s.size(), 6);
    std::vector<double> q(s.size()), kv(2 * s.size());
    for (std::size_t p = 0; p < positions; ++p) {
        std::copy_n(x.data() + 12 * p, 4, q.data() + 4 * p);
        std::copy_n(x.data() + 12 * p + 4, 8, kv.data() + 8 * p);
    }
    nn::tape<double> tape;
    const auto qkv_in = tape.input(s.with_channels(12), x.data());
    const auto self = nn::self_attention(qkv_in, 2);
    const auto q_in = tape.input(s, q.data()), kv_in = tape.input(s.with_channels(8), kv.data());
    const auto q_only = nn::cross_attention(q_in, tape.constant(s.with_channels(8), kv.data()), 2);
    const auto kv_only = nn::cross_attention(tape.constant(s, q.data()), kv_in, 2);
    CHECK(std::ranges::equal(q_only.values(), self.values()));
    CHECK(std::ranges::equal(kv_only.values(), self.values()));
    {
        const nn::without_recording off(tape);
        const auto plain = nn::cross_attention(q_in, kv_in, 2);
        CHECK(std::ranges::equal(plain.values(), self.values()));
    }
    tape.backward(nn::add(nn::add(self, q_only), kv_only),
                  std::span<const double>(x).first(s.size()));
    bool equal = true;
    for (std::size_t p = 0; p < positions; ++p)
        for (std::size_t c = 0; c < 12; ++c)
            equal &= qkv_in.gradient()[12 * p + c] ==
                     (c < 4 ? q_in.gradient()[4 * p + c] : kv_in.gradient()[8 * p + c - 4]);
    CHECK(equal);
}

TEST_CASE("scores far beyond the range of exp give weights, not infinities") {
    nn::tape<float> tape;
    const std::vector<float> x = {1000, 1000, 1, 1000, -1000, 2};
    const auto y = nn::self_attention(tape.constant({1, 1, 2, 3}, x.data()));
    CHECK(y.data()[0] == 1);
    CHECK(y.data()[1] == 1);
}

TEST_CASE("channels that are not three times a multiple of the heads are refused") {
    nn::tape<double> tape;
    const std::vector<double> x(8, 1.0);
    CHECK_THROWS_AS(nn::self_attention(tape.constant({1, 1, 1, 8}, x.data())),
                    std::invalid_argument);
    CHECK_THROWS_AS(nn::self_attention(tape.constant({1, 1, 1, 6}, x.data()), 0),
                    std::invalid_argument);
    const auto q = tape.constant({1, 1, 2, 2}, x.data());
    CHECK_THROWS_WITH_AS(nn::cross_attention(q, tape.constant({1, 1, 2, 2}, x.data())),
                         "diffusion::nn::cross_attention: the context must have the items of the "
                         "queries and twice their channels, got (1, 1, 2, 2) and (1, 1, 2, 2)",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::cross_attention(q, tape.constant({2, 1, 1, 4}, x.data())),
                    std::invalid_argument);
    const auto kv = tape.constant({1, 1, 2, 4}, x.data());
    CHECK_THROWS_AS(nn::cross_attention(q, kv, 0), std::invalid_argument);
    CHECK_THROWS_AS(nn::cross_attention(q, kv, 3), std::invalid_argument);
}
