#include <doctest/doctest.h>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
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
                    worst = support::worse(worst, std::abs(y.data()[e] - out[c] / sum));
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

TEST_CASE("a masked key is as if it were not there") {
    const nn::shape s{2, 5, 11, 8};  // 55 positions: two blocks of queries
    const std::vector<double> q = diffusion::test::normals(s.size(), 7);
    std::vector<double> kv = diffusion::test::normals(2 * 4 * 16, 8);
    nn::tape<double> tape;
    const auto queries = tape.constant(s, q.data());
    const std::vector<double> mask = {1, 0, 1, 1, 0, 1, 1, 1};
    for (std::size_t c = 0; c < 16; ++c) kv[16 + c] = 1e3;  // the largest score may not win
    const auto y = nn::cross_attention(queries, tape.constant({2, 2, 2, 16}, kv.data()), 2,
                                       {.mask = tape.constant({2, 2, 2, 1}, mask.data())});
    std::vector<double> left;
    for (std::size_t j = 0; j < 8; ++j)
        if (mask[j] > 0)
            left.insert(left.end(), kv.begin() + static_cast<std::ptrdiff_t>(16 * j),
                        kv.begin() + static_cast<std::ptrdiff_t>(16 * (j + 1)));
    const auto z = nn::cross_attention(queries, tape.constant({2, 1, 3, 16}, left.data()), 2);
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
        worst = support::worse(worst, std::abs(y.data()[i] - z.data()[i]));
    CHECK(worst < 1e-14);
}

TEST_CASE("a mask of 2 lets a key count twice") {
    const std::vector<double> q = diffusion::test::normals(14, 7);
    std::vector<double> kv = diffusion::test::normals(3 * 4, 8);
    kv.insert(kv.end(), kv.begin() + 4, kv.begin() + 8);
    nn::tape<double> tape;
    const std::vector<double> mask = {1, 2, 1};
    const auto queries = tape.constant({1, 7, 1, 2}, q.data());
    const auto y = nn::cross_attention(queries, tape.constant({1, 1, 3, 4}, kv.data()), 1,
                                       {.mask = tape.constant({1, 1, 3, 1}, mask.data())});
    const auto z = nn::cross_attention(queries, tape.constant({1, 1, 4, 4}, kv.data()));
    for (std::size_t i = 0; i < 14; ++i) CHECK(y.data()[i] == doctest::Approx(z.data()[i]));
}

TEST_CASE("causal attention: a position depends on those up to itself only") {
    const nn::shape s{1, 1, 101, 12};  // three blocks of queries
    std::vector<double> x = diffusion::test::normals(s.size(), 9);
    nn::tape<double> tape;
    const auto attend = [&](const nn::shape& of) {
        const auto y = nn::self_attention(tape.constant(of, x.data()), 2, {.causal = true});
        return std::vector<double>(y.values().begin(), y.values().end());
    };
    const std::vector<double> all = attend(s);
    double worst = 0;
    for (std::size_t length : {1U, 2U, 33U, 48U, 49U, 100U}) {
        const auto plain = nn::self_attention(tape.constant({1, 1, length, 12}, x.data()), 2);
        for (std::size_t e = 4 * (length - 1); e < 4 * length; ++e)
            worst = support::worse(worst, std::abs(plain.data()[e] - all[e]));
    }
    CHECK(worst < 1e-14);
    for (double& number : std::span(x).subspan(60 * 12)) number = 5;
    const std::vector<double> changed = attend(s);
    CHECK(std::equal(all.begin(), all.begin() + 60 * 4, changed.begin()));
    CHECK(!std::equal(all.begin() + 60 * 4, all.end(), changed.begin() + 60 * 4));
}

TEST_CASE("the gradient of attention is right with a mask, causal, and over several blocks") {
    const std::vector<double> mask = {1, 0.5, 0, 1, 1, 1, 0, 1, 0, 1};
    check_gradient({{2, 3, 1, 4}, {2, 1, 5, 8}}, [&](auto& tape, const auto& v) {
        return nn::cross_attention(v[0], v[1], 2,
                                   {.mask = tape.constant({2, 5, 1, 1}, mask.data())});
    });
    check_gradient({{2, 5, 1, 9}}, [&](auto& tape, const auto& v) {
        return nn::self_attention(
            v[0], 3, {.mask = tape.constant({2, 5, 1, 1}, mask.data()), .causal = true});
    });
    check_gradient({{1, 51, 1, 6}}, [](auto&, const auto& v) {
        return nn::self_attention(v[0], 1, {.causal = true});
    });
    check_gradient({{1, 7, 7, 3}}, [](auto&, const auto& v) { return nn::self_attention(v[0]); });
}

TEST_CASE("attention in float is the definition within a bound for its sums") {
    // heads of d channels and n keys: the score is a sum of d products, each rounded, of size
    // |q||k|/sqrt(d) at most, its error e moves a weight by the factor exp(e); the sum of n weights
    // and the sum of n weighted values add (n + n) roundings. All that in units of epsilon.
    for (const auto& [pixels, d] :
         {std::pair<std::size_t, std::size_t>{7, 3}, {65, 16}, {300, 5}}) {
        const nn::shape s{1, pixels, 1, 3 * d};
        const std::vector<double> x = diffusion::test::normals(s.size(), 3);
        const std::vector<float> xf(x.begin(), x.end());
        const std::vector<double> exact(xf.begin(), xf.end());
        nn::tape<double> tape;
        nn::tape<float> tapef;
        const auto y = nn::self_attention(tape.constant(s, exact.data()));
        const auto yf = nn::self_attention(tapef.constant(s, xf.data()));
        double largest = 0, length = 0, worst = 0;
        for (std::size_t p = 0; p < pixels; ++p)
            for (std::size_t part : {0U, 1U}) {
                double squares = 0;
                for (std::size_t c = 0; c < d; ++c)
                    squares += exact[p * 3 * d + part * d + c] * exact[p * 3 * d + part * d + c];
                length = std::max(length, std::sqrt(squares));
            }
        for (double number : exact) largest = std::max(largest, std::abs(number));
        for (std::size_t i = 0; i < y.size(); ++i)
            worst =
                support::worse(worst, std::abs(y.data()[i] - static_cast<double>(yf.data()[i])));
        const double roundings =
            static_cast<double>(d + 2) * length * length / std::sqrt(static_cast<double>(d)) +
            2 * static_cast<double>(pixels) + 4;
        CHECK(worst < roundings * 0x1p-24 * 2 * largest);
        CHECK(worst > 0);
    }
}

TEST_CASE("scores far beyond the range of exp give weights, not infinities") {
    nn::tape<float> tape;
    const std::vector<float> x = {1000, 1000, 1, 1000, -1000, 2};
    const auto y = nn::self_attention(tape.constant({1, 1, 2, 3}, x.data()));
    CHECK(y.data()[0] == 1);
    CHECK(y.data()[1] == 1);
}

TEST_CASE("a mask that leaves nothing to look at is refused, and so are odd shapes and numbers") {
    nn::tape<double> tape;
    const std::vector<double> x(24, 1.0), none = {1, 1, 0, 0}, late = {0, 1, 1, 1},
                                          negative = {1, -1, 1, 1};
    const auto qkv = tape.constant({2, 1, 2, 6}, x.data());
    const auto attend = [&](const std::vector<double>& mask, const nn::shape& s, bool causal) {
        nn::self_attention(qkv, 1, {.mask = tape.constant(s, mask.data()), .causal = causal});
    };
    CHECK_THROWS_WITH_AS(attend(none, {2, 1, 2, 1}, false),
                         "diffusion::nn::self_attention: the mask must leave each item at least "
                         "one key, got 1",
                         std::invalid_argument);
    CHECK_NOTHROW(attend(late, {2, 1, 2, 1}, false));
    CHECK_THROWS_WITH_AS(attend(late, {2, 1, 2, 1}, true),
                         "diffusion::nn::self_attention: the mask must leave the first key to the "
                         "first query, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(attend(negative, {2, 1, 2, 1}, false), std::invalid_argument);
    CHECK_THROWS_AS(attend(late, {1, 1, 4, 1}, false), std::invalid_argument);
    CHECK_THROWS_AS(attend(late, {2, 1, 1, 1}, false), std::invalid_argument);
    CHECK_THROWS_AS(nn::cross_attention(tape.constant({1, 1, 3, 2}, x.data()),
                                        tape.constant({1, 1, 2, 4}, x.data()), 1, {.causal = true}),
                    std::invalid_argument);
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
