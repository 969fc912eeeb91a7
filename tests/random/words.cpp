#include <diffusion/random/words.hpp>

#include <cstddef>
#include <cstdint>

#include <doctest/doctest.h>

using namespace diffusion;
using namespace diffusion::detail;

TEST_CASE("The word behind an element is the one that the layout in words.hpp says") {
    const std::uint64_t seed = 0x0123456789abcdefu, step = 0xfedcba9876543210u;
    const noise_address where{.stream = noise_stream::forward, .step = step, .sub_draw = 77};
    const philox_block level1 =
        philox4x32({2, 77, 0x76543210u, 0xfedcba98u}, {0x89abcdefu, 0x01234567u});
    const word_sequence sequence(seed, where);
    for (const std::uint64_t group :
         {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 28) - 1, std::uint64_t{1} << 28,
          (std::uint64_t{1} << 58) - 1}) {
        for (const word_kind kind : {word_kind::normal, word_kind::normal_refinement,
                                     word_kind::uniform, word_kind::uniform_refinement}) {
            std::uint32_t words[group_elements];
            std::uint64_t wide[group_elements];
            sequence.group(group, kind, words);
            sequence.group(group, kind, wide);
            for (std::size_t j = 0; j < group_elements; ++j) {
                const std::uint64_t element = 64 * group + j;
                const std::uint64_t n = 16 * (element / 64) + element % 16;
                const philox_block level2 = philox4x32(
                    {static_cast<std::uint32_t>(n),
                     static_cast<std::uint32_t>(n >> 32) | static_cast<std::uint32_t>(kind) << 30,
                     level1[2], level1[3]},
                    {level1[0], level1[1]});
                CHECK(words[j] == level2[element / 16 % 4]);
                CHECK(wide[j] == words[j]);
            }
        }
    }
}
