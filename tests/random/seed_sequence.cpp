#include <diffusion/random/seed_sequence.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include <doctest/doctest.h>

using diffusion::seed_sequence;

TEST_CASE("The words of seed 0 are those of NumPy") {
    const auto words = seed_sequence(0).words<2>();
    CHECK(words[0] == (std::uint64_t{3677149159u} << 32 | 2968811710u));
    CHECK(words[1] == (std::uint64_t{2884920346u} << 32 | 745650761u));
}

TEST_CASE("Upper words that are zero do not count, others do, also beyond the four of the pool") {
    const auto first = [](auto... word) {
        const std::array seed{static_cast<std::uint32_t>(word)...};
        return seed_sequence(std::span<const std::uint32_t>(seed)).words<1>()[0];
    };
    CHECK(first(5) == seed_sequence(5).words<1>()[0]);
    CHECK(first(5, 9) == seed_sequence(std::uint64_t{9} << 32 | 5).words<1>()[0]);
    CHECK(first(5) == first(5, 0, 0, 0));
    CHECK(first(5, 0, 0, 0, 1) != first(5, 0, 0, 0, 2));
}

TEST_CASE("One bit of the seed changes about half of the bits that come out") {
    const auto from = seed_sequence(12345).words<4>();
    for (int bit = 0; bit < 64; ++bit) {
        CAPTURE(bit);
        const auto to = seed_sequence(12345 ^ (std::uint64_t{1} << bit)).words<4>();
        int changed = 0;
        for (std::size_t i = 0; i < 4; ++i) changed += std::popcount(from[i] ^ to[i]);
        CHECK(changed > 128 - 48);  // the pool has 128 bits, so a deviation counts twice: 16
        CHECK(changed < 128 + 48);
    }
}
