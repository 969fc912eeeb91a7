// That the numbers are torch's, tests/golden/rng.cpp tells.
#include <diffusion/random/torch_cpu.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/tensor/std.hpp>
#include <support/worse.hpp>

using namespace diffusion;

namespace {

template <class T>
std::vector<T> normal(torch_cpu& source, std::size_t n) {
    std::vector<T> z(n);
    source.fill_normal(std::span(z));
    return z;
}

template <class T>
std::vector<T> uniform(torch_cpu& source, std::size_t n) {
    std::vector<T> u(n);
    source.fill_uniform(std::span(u));
    return u;
}

/// Element j of a block of 16 by the formula, in double.
template <class T>
double by_formula(const std::vector<T>& u, std::size_t j) {
    const double radius = std::sqrt(-2 * std::log(1 - static_cast<double>(u[j % 8])));
    const double angle = 2 * std::acos(-1.0) * static_cast<double>(u[j % 8 + 8]);
    return radius * (j < 8 ? std::cos(angle) : std::sin(angle));
}

}  // namespace

TEST_CASE_TEMPLATE("Sixteen numbers are eight pairs, cosines first, then sines", T, float, double) {
    torch_cpu words(3), source(3);
    const std::vector<T> u = uniform<T>(words, 16), z = normal<T>(source, 16);
    for (std::size_t j = 0; j < 16; ++j) {
        const double limit = sizeof(T) == 4 ? 2e-6 : 1e-14;
        CHECK(std::abs(static_cast<double>(z[j]) - by_formula(u, j)) < limit);
    }
}

TEST_CASE_TEMPLATE("A rest of fewer than sixteen overwrites the last sixteen by new numbers", T,
                   float, double) {
    torch_cpu words(4), source(4);
    const std::vector<T> z = normal<T>(source, 37);
    uniform<T>(words, 37);
    CHECK(normal<T>(words, 16) == std::vector<T>(z.end() - 16, z.end()));
    torch_cpu whole(4);
    const std::vector<T> of_32 = normal<T>(whole, 32);
    CHECK(std::equal(z.begin(), z.begin() + 16, of_32.begin()));
}

TEST_CASE("Fewer than sixteen numbers are the same however they are split, and in double") {
    torch_cpu at_once(5), split(5), in_float(5);
    const std::vector<double> z = normal<double>(at_once, 15);
    std::vector<double> pieces;
    for (const std::size_t n : {1u, 0u, 3u, 4u, 7u})
        for (const double e : normal<double>(split, n)) pieces.push_back(e);
    CHECK(pieces == z);
    const std::vector<float> rounded = normal<float>(in_float, 15);
    for (std::size_t i = 0; i < z.size(); ++i) CHECK(rounded[i] == static_cast<float>(z[i]));
}

TEST_CASE("The second number of a pair waits, whatever is drawn in between") {
    torch_cpu source(6), pair(6);
    const double second = normal<double>(pair, 2)[1];
    normal<double>(source, 1);
    uniform<float>(source, 3);
    normal<float>(source, 100);
    CHECK(normal<double>(source, 1)[0] == second);
}

TEST_CASE("Only the lower 32 bits of the seed count, as in torch") {
    torch_cpu a(7), b(std::uint64_t{1} << 40 | 7), c(8);
    const std::vector<float> z = normal<float>(a, 20);
    CHECK(normal<float>(b, 20) == z);
    CHECK(normal<float>(c, 20) != z);
}

TEST_CASE("The two angles differ in float by less than 3e-6, and in double not at all") {
    torch_cpu avx2(8), scalar(8, torch_angle::scalar);
    const std::vector<float> a = normal<float>(avx2, 100000), b = normal<float>(scalar, 100000);
    CHECK(a != b);
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        worst =
            support::worse(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    CHECK(worst < 3e-6);
    CHECK(normal<double>(avx2, 100) == normal<double>(scalar, 100));
}

TEST_CASE("As a noise source it is a sequence: addresses do not matter, the order does") {
    torch_cpu source(9), other(9);
    std::vector<float> a(20), b(20);
    static_assert(noise_source<torch_cpu, std::vector<float>>);
    source(a, {.step = 3});
    other(b, {.stream = noise_stream::start});
    CHECK(a == b);
    source(a, {.step = 3});
    CHECK(a != b);
}

TEST_CASE_TEMPLATE("Moments are 0, 1, 0, 3", T, float, double) {
    torch_cpu source(10);
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    const std::vector<T> numbers = normal<T>(source, 200000);
    for (const T e : numbers) {
        const double z = static_cast<double>(e);
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
    }
    const double n = static_cast<double>(numbers.size());
    CHECK(std::abs(m1 / n) < 5 * std::sqrt(1 / n));
    CHECK(std::abs(m2 / n - 1) < 5 * std::sqrt(2 / n));
    CHECK(std::abs(m3 / n) < 5 * std::sqrt(15 / n));
    CHECK(std::abs(m4 / n - 3) < 5 * std::sqrt(96 / n));
}
