#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/dynamic_threshold.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

auto always(const vector& answer) {
    return [answer](const vector&, const node&, vector& x0) { x0 = answer; };
}
const node half{0.5, 0.5, 0.5, 0};

/// Imagen's formula the slow way: sort, interpolate, clip, divide.
vector thresholded(const vector& x, double quantile, double largest) {
    vector sorted;
    for (const double e : x) sorted.push_back(std::abs(e));
    std::sort(sorted.begin(), sorted.end());
    const double rank = quantile * static_cast<double>(sorted.size() - 1);
    const double low = sorted[static_cast<std::size_t>(std::floor(rank))],
                 high = sorted[static_cast<std::size_t>(std::ceil(rank))];
    double s = low + (rank - std::floor(rank)) * (high - low);
    s = std::min(std::max(s, 1.0), largest);
    vector result;
    for (const double e : x) result.push_back(std::min(std::max(e, -s), s) / s);
    return result;
}

vector numbers(std::size_t n, double scale) {  // scattered over (-scale, scale)
    vector x;
    for (std::size_t e = 0; e < n; ++e)
        x.push_back(scale * std::sin(12.9898 * static_cast<double>(e * e + 1)));
    return x;
}

}  // namespace

TEST_CASE("dynamic thresholding clips to a quantile of the picture and divides by it") {
    for (const std::size_t n : {1U, 2U, 5U, 100U, 101U})
        for (const double scale : {0.1, 1.5, 20.0})
            for (const double quantile : {0.3, 0.5, 0.9, 0.995, 1.0})
                for (const double largest : {0.5, 1.0, 2.0, 1e300}) {
                    const vector answer = numbers(n, scale);
                    vector x0(n);
                    dynamic_threshold(always(answer), vector(n), quantile, largest)(vector(n), half,
                                                                                    x0);
                    const vector wanted = thresholded(answer, quantile, largest);
                    bool close = true;
                    for (std::size_t e = 0; e < n; ++e)
                        close = close && std::abs(x0[e] - wanted[e]) < 1e-14;
                    CAPTURE(n);
                    CAPTURE(scale);
                    CAPTURE(quantile);
                    CHECK(close);
                }
}

TEST_CASE("an estimate within [-1, 1] is left alone") {
    vector x0(3);
    dynamic_threshold(always({-1, 0.25, 0.5}), vector(3))(vector(3), half, x0);
    CHECK(x0 == vector{-1, 0.25, 0.5});
}

TEST_CASE("by default the threshold has no upper bound, with the bound 1 it is plain clipping") {
    vector x0(3);
    dynamic_threshold(always({-8, 4, 8}), vector(3))(vector(3), half, x0);
    CHECK(x0 == vector{-1, 0.5, 1});
    dynamic_threshold(always({-8, 0.5, 8}), vector(3), 0.995, 1)(vector(3), half, x0);
    CHECK(x0 == vector{-1, 0.5, 1});
}

TEST_CASE("an empty picture has no quantile and needs none") {
    vector x0;
    dynamic_threshold(always({}), vector{})(vector{}, half, x0);
    CHECK(x0.empty());
}

TEST_CASE("every picture of a batch has a threshold of its own") {
    vector x0(6);
    dynamic_threshold(always({1, -2, 4, 0.1, 0.2, 0.3}), vector(6), 1,
                      std::numeric_limits<double>::infinity(), 2)(vector(6), half, x0);
    CHECK(x0 == vector{0.25, -0.5, 1, 0.1, 0.2, 0.3});
}

TEST_CASE("the noise that the network saw is not thresholded") {
    const vector x{4, 0.25};
    vector x0(2), eps(2);
    dynamic_threshold denoise(predicts_data([](const vector& in, double) { return in; }), vector(2),
                              1);
    denoise.with_raw_noise(x, half, x0, eps);
    CHECK(x0 == vector{1, 0.0625});
    CHECK(eps[0] == Approx((4 - 0.5 * 4) / 0.5));
}

TEST_CASE("thresholds that cannot be are refused by name and value") {
    CHECK_THROWS_WITH_AS(dynamic_threshold(always({}), vector(4), 1.5),
                         "diffusion::dynamic_threshold: the quantile must lie in (0, 1], got 1.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(dynamic_threshold(always({}), vector(4), 0), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        dynamic_threshold(always({}), vector(4), 0.9, 0),
        "diffusion::dynamic_threshold: the largest threshold must be positive, got 0",
        std::invalid_argument);
    CHECK_THROWS_AS(dynamic_threshold(always({}), vector(4), 0.9, NAN), std::invalid_argument);
    CHECK_THROWS_AS(dynamic_threshold(always({}), vector(4), 0.9, 2, 3), std::invalid_argument);
    const dynamic_threshold inner(predicts_noise([](const vector& in, double) { return in; }),
                                  vector(1));
    CHECK_THROWS_AS(inner.check(node{999, 0, 1, 0}), std::invalid_argument);
}
