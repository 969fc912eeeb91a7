#pragma once
// L0: random words at an address: which counter and which key of Philox give the word behind an
// element of a draw.
//
// Two levels of Philox4x32-10 (philox.hpp); words are written least significant first:
//
//   1. the address picks a sequence
//          key = seed (2 words),   counter = (stream, sub_draw, step low, step high)
//          output = (a, b, c, d)
//   2. the element picks a word of it
//          key = (a, b),           counter = (n low, n high | kind << 30, c, d)
//
// Element e is word w = (e / 16) mod 4 of counter n = 16 (e / 64) + e mod 16. So 64 elements in a
// row, a *group*, are the four words of 16 counters, and the lanes of a vector register are stored
// as they stand:
//
//   element   64 g + 0 .. 15   64 g + 16 .. 31   64 g + 32 .. 47   64 g + 48 .. 63
//   counter   16 g + 0 .. 15   16 g +  0 .. 15   16 g +  0 .. 15   16 g +  0 .. 15
//   word            0                1                 2                 3
//
// n needs 62 of its 64 bits; `kind` in the upper two keeps apart the words of normal and of uniform
// numbers, and the second words that double precision takes.
//
// Nothing collides: level 1 is a bijection of the 128 bits (stream, sub_draw, step), so that, for
// one seed, two addresses differ in (a, b, c, d) and two pairs (address, element) in the key or the
// counter of level 2. All 64 bits of seed, step and element are used. (Another seed is another
// bijection; that it maps some address to the same (a, b, c, d) as the first seed maps another is a
// coincidence of probability 2^-128.)

#include <cstddef>
#include <cstdint>

#include <diffusion/random/lanes.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/random/philox.hpp>

namespace diffusion::detail {
inline namespace DIFFUSION_LANES {

/// Counters of a group: a multiple of the lanes of every vector unit.
inline constexpr std::size_t group_counters = 16;

/// Elements of a group.
inline constexpr std::size_t group_elements = 4 * group_counters;

/// What a word is for.
enum class word_kind : std::uint32_t { normal, normal_refinement, uniform, uniform_refinement };

/// All the words at one address: level 1 is done in the constructor, level 2 on demand.
class word_sequence {
    // one 32-bit word in the lower half of each lane, anything in the upper half
    using words = lanes<std::uint64_t>;
    static constexpr std::size_t lanes_ = lane_count<std::uint64_t>;

    words round_key_[philox_rounds][2];
    std::uint32_t upper_[2];

    /// philox4x32 for the counters with the lower words `first` and `second`: two registers hide
    /// each other's latency.
    void philox(words first, words second, std::uint32_t n_high, words (&x)[4][2]) const {
        const words multiplier_0 = words{} + std::uint64_t{philox_multiplier[0]};
        const words multiplier_1 = words{} + std::uint64_t{philox_multiplier[1]};
        x[0][0] = first;
        x[0][1] = second;
        for (int i = 0; i < 2; ++i) {
            x[1][i] = words{} + std::uint64_t{n_high};
            x[2][i] = words{} + std::uint64_t{upper_[0]};
            x[3][i] = words{} + std::uint64_t{upper_[1]};
        }
        for (const words(&key)[2] : round_key_) {
            for (int i = 0; i < 2; ++i) {
                const words p0 = product_of_lower_halves(x[0][i], multiplier_0);
                const words p1 = product_of_lower_halves(x[2][i], multiplier_1);
                x[0][i] = halves_swapped(p1) ^ x[1][i] ^ key[0];
                x[1][i] = p1;
                x[2][i] = halves_swapped(p0) ^ x[3][i] ^ key[1];
                x[3][i] = p0;
            }
        }
    }

    static std::uint32_t high(std::uint64_t n, word_kind kind) {
        return static_cast<std::uint32_t>(n >> 32) | (static_cast<std::uint32_t>(kind) << 30);
    }

public:
    word_sequence(std::uint64_t seed, const noise_address& where) {
        const philox_block out = philox4x32(
            {static_cast<std::uint32_t>(where.stream), where.sub_draw,
             static_cast<std::uint32_t>(where.step), static_cast<std::uint32_t>(where.step >> 32)},
            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
        for (std::uint32_t round = 0; round < philox_rounds; ++round) {
            for (std::size_t i = 0; i < 2; ++i)
                round_key_[round][i] =
                    words{} + std::uint64_t{out[i] + round * philox_key_increment[i]};
        }
        upper_[0] = out[2];
        upper_[1] = out[3];
    }

    /// The words of one group, in the order of its elements.
    void group(std::uint64_t g, word_kind kind, std::uint32_t* out) const {
        const std::uint64_t n = g * group_counters;
        // Even counters in the first register, odd ones in the second: lane by lane, they are then
        // stored side by side.
        words even = arithmetic_sequence<std::uint64_t>(static_cast<std::uint32_t>(n), 2);
        for (std::size_t i = 0; i < group_counters; i += 2 * lanes_) {
            words x[4][2];
            philox(even, even + std::uint64_t{1}, high(n, kind), x);
            for (std::size_t w = 0; w < 4; ++w) {
                const words both = (x[w][0] & std::uint64_t{0xFFFFFFFFu}) | (x[w][1] << 32);
                store(out + w * group_counters + i, std::bit_cast<lanes<std::uint32_t>>(both));
            }
            even += std::uint64_t{2 * lanes_};
        }
    }

    /// The same words, each in 64 bits.
    void group(std::uint64_t g, word_kind kind, std::uint64_t* out) const {
        const std::uint64_t n = g * group_counters;
        words first = arithmetic_sequence<std::uint64_t>(static_cast<std::uint32_t>(n), 1);
        for (std::size_t i = 0; i < group_counters; i += 2 * lanes_) {
            words x[4][2];
            philox(first, first + std::uint64_t{lanes_}, high(n, kind), x);
            for (std::size_t w = 0; w < 4; ++w) {
                for (std::size_t half = 0; half < 2; ++half)
                    store(out + w * group_counters + i + half * lanes_,
                          x[w][half] & std::uint64_t{0xFFFFFFFFu});
            }
            first += std::uint64_t{2 * lanes_};
        }
    }
};

}  // namespace DIFFUSION_LANES
}  // namespace diffusion::detail
