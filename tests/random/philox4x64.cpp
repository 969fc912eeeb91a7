#include <diffusion/random/philox4x64.hpp>

#include <array>
#include <cstdint>

#include <doctest/doctest.h>

using namespace diffusion;

using block = std::array<std::uint64_t, 4>;

TEST_CASE("Philox4x64-10 has the answers that its authors publish") {
    static_assert(
        philox4x64_block({0, 0, 0, 0}, {0, 0}) ==
        block{0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B});
    constexpr std::uint64_t ones = ~std::uint64_t{0};
    static_assert(
        philox4x64_block({ones, ones, ones, ones}, {ones, ones}) ==
        block{0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0});
    static_assert(
        philox4x64_block(
            {0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89},
            {0x452821E638D01377, 0xBE5466CF34E90C6C}) ==
        block{0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6});
}

TEST_CASE("As a generator it counts from 1 and yields the words of each block in order") {
    philox4x64 generator({3, 4});
    for (std::uint64_t counter = 1; counter < 4; ++counter)
        for (const std::uint64_t word : philox4x64_block({counter, 0, 0, 0}, {3, 4}))
            CHECK(generator() == word);
}
