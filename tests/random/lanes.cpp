#include <diffusion/random/fill.hpp>
#include <diffusion/random/lanes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <typeinfo>

#include <doctest/doctest.h>

using namespace diffusion::detail;

TEST_CASE("The product of the lower halves ignores the upper ones") {
    constexpr std::size_t n = lane_count<std::uint64_t>;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto a =
            arithmetic_sequence<std::uint64_t>(i * 0x9E3779B97F4A7C15u, 0xD1B54A32D192ED03u);
        const auto b = arithmetic_sequence<std::uint64_t>(~i, i * 0x8CB92BA72F3D8DD7u);
        const auto product = product_of_lower_halves(a, b);
        for (std::size_t k = 0; k < n; ++k)
            CHECK(product[k] == std::uint64_t{static_cast<std::uint32_t>(a[k])} *
                                    static_cast<std::uint32_t>(b[k]));
    }
}

TEST_CASE_TEMPLATE("Square roots of a whole array are those of std::sqrt", T, float, double) {
    T x[64], roots[64];
    for (std::size_t i = 0; i < 64; ++i)
        x[i] = roots[i] = static_cast<T>(std::exp(0.7 * static_cast<double>(i) - 20));
    square_roots(roots, 64);
    for (std::size_t i = 0; i < 64; ++i) CHECK(roots[i] == std::sqrt(x[i]));
}

TEST_CASE("Files compiled for registers of different width share no name that knows the width") {
    const std::string width = "lanes_" + std::to_string(4 * lane_count<std::uint32_t>);
    CHECK(std::string(typeid(word_sequence).name()).find(width) != std::string::npos);
    CHECK(std::string(typeid(normal_lanes<double>).name()).find(width) != std::string::npos);
    [[maybe_unused]] constexpr auto named = &diffusion::DIFFUSION_LANES::fill_normal<float>;
    [[maybe_unused]] constexpr auto too = &diffusion::DIFFUSION_LANES::fill_uniform<double>;
}
