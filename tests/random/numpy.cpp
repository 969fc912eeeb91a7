// That the numbers are NumPy's, tests/golden/rng.cpp tells.
#include <diffusion/random/numpy.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/philox4x64.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

template <class T, class Source>
std::vector<T> draw(Source source, std::size_t n, std::size_t calls = 1) {
    std::vector<T> all;
    for (std::size_t call = 0; call < calls; ++call) {
        std::vector<T> z(n);
        source(z, {.step = call});
        all.insert(all.end(), z.begin(), z.end());
    }
    return all;
}

}  // namespace

TEST_CASE_TEMPLATE("Numbers do not depend on how they are split into calls", Source,
                   numpy_random_state, numpy_default_rng) {
    CHECK(draw<double>(Source(3), 3, 7) == draw<double>(Source(3), 21));
    CHECK(draw<double>(Source(3), 21) != draw<double>(Source(4), 21));
}

TEST_CASE_TEMPLATE("Float elements are the double numbers, rounded", Source, numpy_random_state,
                   numpy_default_rng) {
    const std::vector<float> narrow = draw<float>(Source(5), 40);
    const std::vector<double> wide = draw<double>(Source(5), 40);
    for (std::size_t i = 0; i < wide.size(); ++i) CHECK(narrow[i] == static_cast<float>(wide[i]));
}

TEST_CASE("Legacy numbers follow the polar method, second coordinate first") {
    numpy_random_state words(6), source(6);
    for (int pair = 0; pair < 50; ++pair) {
        double x1 = 0, x2 = 0, r2 = 0;
        while (r2 == 0 || r2 >= 1) {
            x1 = 2 * words.uniform() - 1;
            x2 = 2 * words.uniform() - 1;
            r2 = x1 * x1 + x2 * x2;
        }
        const double scale = std::sqrt(-2 * std::log(r2) / r2);
        CHECK(source.normal() == doctest::Approx(scale * x2).epsilon(1e-14));
        CHECK(source.normal() == doctest::Approx(scale * x1).epsilon(1e-14));
    }
}

TEST_CASE("A legacy seed is a number below 2^32 or a list of words, which are different seeds") {
    CHECK_THROWS_WITH_AS(numpy_random_state(std::uint64_t{1} << 32),
                         "diffusion::numpy_random_state: the seed must be below 2^32; give the "
                         "words of a longer one as a list, got 4294967296",
                         std::invalid_argument);
    const std::uint32_t list[] = {7};
    numpy_random_state by_list{std::span(list)}, by_number(7);
    CHECK(by_list.random32() != by_number.random32());
}

TEST_CASE("A generator over 64 bits gives 32 by halves, the lower first") {
    numpy_default_rng whole(8), halves(8);
    for (int i = 0; i < 10; ++i) {
        const std::uint64_t word = whole.random64();
        CHECK(halves.random32() == static_cast<std::uint32_t>(word));
        CHECK(halves.random32() == static_cast<std::uint32_t>(word >> 32));
    }
}

TEST_CASE("dtype float32 is a stream of its own, from half as many bits") {
    const std::vector<float> own = draw<float>(numpy_default_rng(9, numpy_dtype::float32), 100000);
    CHECK(own != draw<float>(numpy_default_rng(9), 100000));
    numpy_default_rng words(9);
    const std::uint32_t word = words.random32();  // layer, sign, 23 bits of x
    CHECK((own[0] < 0) == ((word >> 8 & 1) != 0));
    double m1 = 0, m2 = 0;
    for (const float z : own) {
        m1 += static_cast<double>(z);
        m2 += static_cast<double>(z) * static_cast<double>(z);
    }
    CHECK(std::abs(m1 / 1e5) < 5 * std::sqrt(1e-5));
    CHECK(std::abs(m2 / 1e5 - 1) < 5 * std::sqrt(2e-5));
}

TEST_CASE("Any generator of 64 bits will do, so a longer seed as well") {
    static_assert(noise_source<numpy_generator<philox4x64>, std::vector<float>>);
    const std::uint32_t entropy[] = {1, 2, 3, 4, 5};
    const seed_sequence seed{std::span(entropy)};
    CHECK(draw<double>(numpy_default_rng(seed), 5) ==
          draw<double>(numpy_generator(pcg64(seed)), 5));
    CHECK(draw<double>(numpy_generator(philox4x64(seed)), 5) !=
          draw<double>(numpy_generator(pcg64(seed)), 5));
}
