#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("q_sample mixes data and noise, in place too") {
    const noise_level t = from_alpha_bar(0.36);
    const std::vector<double> x_0{1, 2}, z{-1, 0.5};
    const std::vector<double> wanted{t.alpha - t.sigma, 2 * t.alpha + 0.5 * t.sigma};
    std::vector<double> x_t(2), same = x_0, noise = z;
    q_sample(x_t, x_0, t, z);
    q_sample(same, same, t, z);
    q_sample(noise, x_0, t, noise);
    for (std::size_t e = 0; e < 2; ++e) {
        CHECK(x_t[e] == Approx(wanted[e]).epsilon(1e-15));
        CHECK(same[e] == x_t[e]);
        CHECK(noise[e] == x_t[e]);
    }
    q_sample(x_t, x_0, clean_data, z);
    CHECK(x_t == x_0);
}

TEST_CASE("in a batch every item has a time of its own") {
    const std::vector<double> x_0{1, 2, 3, 4, 5, 6}, z{1, -1, 2, -2, 3, -3};
    const std::array<noise_level, 3> t{from_alpha_bar(0.9), clean_data, from_alpha_bar(0)};
    std::vector<double> x_t(6);
    q_sample(x_t, x_0, std::span<const noise_level>(t), z);
    for (std::size_t i = 0; i < 3; ++i) {  // item i alone gives the same numbers
        std::vector<double> one(2);
        q_sample(one, {x_0[2 * i], x_0[2 * i + 1]}, t[i], {z[2 * i], z[2 * i + 1]});
        CHECK(x_t[2 * i] == one[0]);
        CHECK(x_t[2 * i + 1] == one[1]);
    }
    const std::array<noise_level, 4> four{clean_data, clean_data, clean_data, clean_data};
    CHECK_THROWS_AS(q_sample(x_t, x_0, std::span<const noise_level>(four), z),
                    std::invalid_argument);
}

TEST_CASE("data, noise and result may be of different types, as a window and its siblings are") {
    std::vector<double> memory{1, 2};
    const std::span<double> x_0(memory);
    const std::vector<double> z{1, 1};
    std::array<double, 2> x_t{};
    q_sample(x_t, x_0, from_alpha_bar(0.36), z);
    CHECK(x_t[1] == Approx(0.6 * 2 + 0.8));
}
