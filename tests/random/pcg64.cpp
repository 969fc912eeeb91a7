#include <diffusion/random/pcg64.hpp>

#include <cstdint>

#include <doctest/doctest.h>

TEST_CASE("PCG64 gives NumPy's first words, from the compiler already") {
    static_assert(diffusion::pcg64(0xDEADBEAFu)() == 0x60D24054E17A0698u);
    // default_rng(0).random() = 0.6369616873214543, of which the word is the upper 53 bits
    static_assert(static_cast<double>(diffusion::pcg64(std::uint64_t{0})() >> 11) * 0x1p-53 ==
                  0.6369616873214543);
}

TEST_CASE("Streams of different seeds are different sequences") {
    diffusion::pcg64 a(1), b(2);
    int equal = 0;
    for (int i = 0; i < 1000; ++i) equal += a() == b();
    CHECK(equal == 0);
}
