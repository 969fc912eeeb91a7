#include <diffusion/random/ziggurat.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>
#include <diffusion/random/pcg64.hpp>

using diffusion::detail::ziggurat;

TEST_CASE_TEMPLATE("All layers have the same area, and the uppermost one closes", T, float,
                   double) {
    const ziggurat<T>& z = ziggurat<T>::layers();
    const double unit = std::ldexp(1.0, ziggurat<T>::bits);
    const double tolerance = sizeof(T) == 4 ? 2e-7 : 1e-13;
    const double v = 0.00492867323399;  // Marsaglia and Tsang, section 2
    CHECK(std::abs(z.width[0] * unit * static_cast<double>(z.height[255]) / v - 1) < 2e-7);
    for (std::size_t i = 1; i < 256; ++i) {
        CAPTURE(i);
        const double x = static_cast<double>(z.width[i]) * unit;
        const double h = static_cast<double>(z.height[i - 1]) - static_cast<double>(z.height[i]);
        CHECK(x * h == doctest::Approx(v).epsilon(sizeof(T) == 4 ? 1e-3 : 1e-10));
        CHECK(std::abs(static_cast<double>(z.height[i]) - std::exp(-x * x / 2)) < tolerance);
        const double x_above = i == 1 ? 0 : static_cast<double>(z.width[i - 1]) * unit;
        CHECK(std::abs(static_cast<double>(z.inside[i]) / unit - x_above / x) < 2 * tolerance);
    }
}

TEST_CASE_TEMPLATE("The numbers are normal, in the body, in the wedges and in the tail", T, float,
                   double) {
    diffusion::pcg64 bits(7);
    const auto word = [&] { return static_cast<typename ziggurat<T>::word>(bits()); };
    const auto uniform = [&] { return static_cast<T>(bits() >> 40) * static_cast<T>(0x1p-24); };
    constexpr int n = 500000;
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    int below[5] = {}, positive_tail = 0, tail = 0;
    for (int i = 0; i < n; ++i) {
        const double z = static_cast<double>(ziggurat<T>::layers().draw(word, uniform));
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
        for (int k = 0; k < 5; ++k) below[k] += z < k - 2;
        tail += std::abs(z) > 3.6541528853610088;
        positive_tail += z > 3.6541528853610088;
    }
    CHECK(std::abs(m1 / n) < 5 * std::sqrt(1.0 / n));
    CHECK(std::abs(m2 / n - 1) < 5 * std::sqrt(2.0 / n));
    CHECK(std::abs(m3 / n) < 5 * std::sqrt(15.0 / n));
    CHECK(std::abs(m4 / n - 3) < 5 * std::sqrt(96.0 / n));
    for (int k = 0; k < 5; ++k) {
        const double p = std::erfc((2 - k) / std::sqrt(2.0)) / 2;
        CHECK(std::abs(below[k] - n * p) < 5 * std::sqrt(n * p * (1 - p)));
    }
    CHECK(std::abs(tail - 129) < 5 * 11.4);  // n erfc(r / sqrt 2) and its deviation
    CHECK(std::abs(2 * positive_tail - tail) < 5 * 11.4);
}
