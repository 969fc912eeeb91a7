#include <diffusion/random/mt19937.hpp>

#include <cstdint>
#include <random>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/sequential.hpp>

using diffusion::mt19937;

TEST_CASE("The Mersenne Twister is the standard library's, bit by bit and across refills") {
    for (const std::uint32_t seed : {0u, 5489u, 42u, 0xFFFFFFFFu}) {
        CAPTURE(seed);
        mt19937 ours(seed);
        std::mt19937 theirs(seed);
        int different = 0;
        for (int i = 0; i < 2000; ++i) different += ours() != theirs();
        CHECK(different == 0);
    }
}

TEST_CASE("Seeding by an array gives the first numbers that the authors publish for it") {
    const std::uint32_t key[] = {0x123, 0x234, 0x345, 0x456};
    mt19937 generator{std::span(key)};
    for (const std::uint32_t expected :
         {1067595299u, 955945823u, 477289528u, 4107218783u, 4228976476u})
        CHECK(generator() == expected);
}

TEST_CASE("Every word of a long key counts, also beyond the 624 of the state") {
    std::vector<std::uint32_t> key(1000, 7);
    const auto first = [&] { return mt19937(std::span<const std::uint32_t>(key))(); };
    const std::uint32_t before = first();
    key[999] = 8;
    CHECK(first() != before);
    CHECK_THROWS_WITH_AS(mt19937(std::span<const std::uint32_t>()),
                         "diffusion::mt19937: the key must have a word at least",
                         std::invalid_argument);
}

TEST_CASE("It is a generator for a sequential noise source") {
    static_assert(diffusion::detail::bit_generator<mt19937>);
}
