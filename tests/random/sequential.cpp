#include <diffusion/random/sequential.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

/// Uniform on 3 .. 3 + range - 1, from a generator of the standard library that is itself correct.
template <std::uint64_t range>
struct narrow {
    using result_type = std::uint64_t;
    std::mt19937_64 engine{11};
    static constexpr result_type min() { return 3; }
    static constexpr result_type max() { return 3 + range - 1; }
    result_type operator()() {
        return std::uniform_int_distribution<result_type>(min(), max())(engine);
    }
};

template <class Generator>
void check_words(Generator generator) {
    constexpr int n = 40000;
    std::vector<int> ones(64), pairs(63);
    for (int i = 0; i < n; ++i) {
        const std::uint64_t word = detail::random_word(generator);
        for (std::size_t b = 0; b < 64; ++b) ones[b] += static_cast<int>((word >> b) & 1);
        for (std::size_t b = 0; b < 63; ++b)
            pairs[b] += static_cast<int>((word >> b) & (word >> (b + 1)) & 1);
    }
    // 6 standard deviations: sqrt(n / 4) and sqrt(3 n / 16)
    for (const int count : ones) CHECK(std::abs(count - n / 2) < 6 * 100);
    for (const int count : pairs) CHECK(std::abs(count - n / 4) < 6 * 87);
}

template <class Generator>
void check_moments(Generator generator) {
    std::vector<double> z(200001);  // odd: the last sine is dropped
    sequential{std::move(generator)}(z, {});
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (const double v : z) {
        m1 += v;
        m2 += v * v;
        m3 += v * v * v;
        m4 += v * v * v * v;
    }
    const double n = static_cast<double>(z.size());
    // variances of z, z^2, z^3, z^4: 1, 2, 15, 96
    CHECK(std::abs(m1 / n) < 5 * std::sqrt(1 / n));
    CHECK(std::abs(m2 / n - 1) < 5 * std::sqrt(2 / n));
    CHECK(std::abs(m3 / n) < 5 * std::sqrt(15 / n));
    CHECK(std::abs(m4 / n - 3) < 5 * std::sqrt(96 / n));
}

}  // namespace

TEST_CASE(
    "Every generator yields fair bits, whatever its range: full, narrow, odd or not from zero") {
    check_words(std::mt19937_64{1});   // 64 bits
    check_words(std::mt19937{1});      // 32 bits
    check_words(std::minstd_rand{1});  // 1 .. 2^31 - 2
    check_words(std::ranlux24_base{1});
    check_words(std::knuth_b{1});
    check_words(narrow<2>{});  // a coin
    check_words(narrow<3>{});
    check_words(narrow<6>{});  // a die
    check_words(narrow<1000>{});
    check_words(narrow<(std::uint64_t{1} << 63) + 1>{});
    check_words(narrow<~std::uint64_t{0} - 3>{});
}

TEST_CASE("A generator gives as many bits per call as its range holds evenly") {
    static_assert(detail::bits_per_call(0) == 64);
    static_assert(detail::bits_per_call(2) == 1);
    static_assert(detail::bits_per_call(std::uint64_t{1} << 32) == 32);
    static_assert(detail::bits_per_call(3) == 1);
    static_assert(detail::bits_per_call(6) == 2);  // 2 bits with probability 2/3, or 1 always
    static_assert(detail::bits_per_call(2147483646) < 30);  // 30 bits would waste every other call
}

TEST_CASE("Normal numbers have the right moments from generators of any range") {
    check_moments(std::mt19937_64{1});
    check_moments(std::minstd_rand{2});
    check_moments(narrow<6>{});
}

TEST_CASE("A sequential source draws from the generator it is given, or keeps one of its own") {
    std::mt19937_64 rng(3);
    std::vector<double> a(5), b(5);
    sequential{rng}(a, {});
    CHECK((rng != std::mt19937_64(3)));  // advanced by 3 pairs of words
    std::mt19937_64 by_hand(3);
    by_hand.discard(6);
    CHECK((rng == by_hand));
    auto own = sequential{std::mt19937_64(3)};
    own(b, {});
    CHECK(a == b);
    own(b, {});
    CHECK(a != b);
}

TEST_CASE_TEMPLATE("Numbers follow the formula of Box and Muller on the words of the generator", T,
                   float, double) {
    std::mt19937_64 words(9);
    std::vector<T> z(131);
    sequential{std::mt19937_64(9)}(z, {});
    const double pi = std::acos(-1.0);
    for (std::size_t i = 0; i < z.size(); i += 2) {
        const double u = std::ldexp(static_cast<double>(words()) + 0.5, -64);
        const double turn = std::ldexp(static_cast<double>(words()) + 0.5, -64);
        const double radius = std::sqrt(-2 * std::log(u));
        CHECK(z[i] == doctest::Approx(radius * std::cos(2 * pi * turn)).epsilon(1e-6));
        if (i + 1 < z.size())
            CHECK(z[i + 1] == doctest::Approx(radius * std::sin(2 * pi * turn)).epsilon(1e-6));
    }
}
