#include <diffusion/random/philox.hpp>

#include <set>

#include <doctest/doctest.h>

using namespace diffusion;

// Known-answer vectors for Philox4x32-10 published with Salmon et al. (2011).
static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) ==
              philox_block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                         {0xffffffff, 0xffffffff}) ==
              philox_block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                         {0xa4093822, 0x299f31d0}) ==
              philox_block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

TEST_CASE(
    "Philox gives the published answers for counters of zeros, of ones and of the digits of pi") {
    // volatile: the same at run time as in the compiler
    volatile std::uint32_t zero = 0;
    CHECK(philox4x32({zero, 0, 0, 0}, {0, 0}) ==
          philox_block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox4x32({zero + 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                     {0xa4093822, 0x299f31d0}) ==
          philox_block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("One bit of the counter or of the key changes half of the bits of the result") {
    const philox_block base = philox4x32({1, 2, 3, 4}, {5, 6});
    double flipped = 0;
    for (int bit = 0; bit < 192; ++bit) {
        philox_block counter = {1, 2, 3, 4};
        philox_key key = {5, 6};
        std::uint32_t& word = bit < 128 ? counter[static_cast<std::size_t>(bit / 32)]
                                        : key[static_cast<std::size_t>(bit / 32 - 4)];
        word ^= 1u << (bit % 32);
        const philox_block other = philox4x32(counter, key);
        int ones = 0;
        for (std::size_t w = 0; w < 4; ++w) {
            for (std::uint32_t d = base[w] ^ other[w]; d != 0; d &= d - 1) ++ones;
        }
        CHECK(ones > 30);  // 64 expected, standard deviation 5.7
        CHECK(ones < 98);
        flipped += ones;
    }
    CHECK(flipped / 192 == doctest::Approx(64).epsilon(0.04));
}

TEST_CASE("Under one key different counters give different blocks") {
    std::set<philox_block> seen;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        for (std::size_t w = 0; w < 4; ++w) {
            philox_block counter = {};
            counter[w] = i + 1;
            seen.insert(philox4x32(counter, {7, 8}));
        }
    }
    CHECK(seen.size() == 4000);
}
