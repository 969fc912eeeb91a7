#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/likelihood/dequantisation.hpp>
#include <diffusion/tensor/std.hpp>
#include <support/moments.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

TEST_CASE("each level becomes uniform in its own part of the range") {
    const uniform_dequantisation dequantise{4, -1, 1};
    vector x(20000, 3);
    dequantise(x, 1);
    for (const double y : x) CHECK_MESSAGE((y > 0.5 && y < 1), y);
    CHECK(support::moments_of(x).mean == Approx(0.75).epsilon(0.01));
    CHECK(support::moments_of(x).variance == Approx(0.25 / 12).epsilon(0.03));
    vector again(20000, 3), other(20000, 3);
    dequantise(again, 1);
    dequantise(other, 1, 1);
    CHECK(again == x);
    CHECK(other != x);
}

TEST_CASE("a uniform density is as many bits as there are levels to choose from") {
    CHECK(uniform_dequantisation{256, -1, 1}.bits_per_dim(5 * std::log(0.5), 5) == Approx(8));
    CHECK(uniform_dequantisation{256, 0, 1}.bits_per_dim(0, 5) == Approx(8));
    CHECK(uniform_dequantisation{256, 0, 256}.bits_per_dim(5 * std::log(1 / 256.0), 5) ==
          Approx(8));
    CHECK(uniform_dequantisation{}.bits_per_dim(0, 1) == Approx(7));  // of [-1, 1]
}

TEST_CASE("bits of the density are never fewer than those of the levels: Jensen's inequality") {
    const uniform_dequantisation dequantise{8, -1, 1};
    const auto log_p = [](double y) { return log_density(y, 0.1, 0.2); };
    for (int n = 0; n < 8; ++n) {
        double probability = 0, bits = 0;
        for (int i = 0; i < 1000; ++i) {
            const double y = -1 + 0.25 * (n + (i + 0.5) / 1000);
            probability += std::exp(log_p(y)) * 0.25 / 1000;
            bits += dequantise.bits_per_dim(log_p(y), 1) / 1000;
        }
        CHECK(bits > -std::log2(probability));
    }
}

TEST_CASE("data that are no levels, and ranges that are none, are refused") {
    using support::is_complete;
    using support::refusal;
    const auto apply = [](uniform_dequantisation dequantise, double value) {
        return refusal([&] {
            vector x{value};
            dequantise(x, 1);
        });
    };
    CHECK(is_complete(apply({}, 256), 256.0));
    CHECK(is_complete(apply({}, -1), -1.0));
    CHECK(is_complete(apply({}, 0.5), 0.5));
    CHECK(is_complete(apply({0, 0, 1}, 0), 0));
    CHECK(is_complete(apply({4, 1, 1}, 0), 1.0));
    CHECK(is_complete(apply({4, 0, INFINITY}, 0), double(INFINITY)));
    CHECK(is_complete(apply({4, NAN, 1}, 0), 1.0));
}
