#pragma once
// L0: Philox4x32-10, the counter-based generator of random bits under everything random in the
// library.
//
// An ordinary generator (std::mt19937_64) is a state that each call changes: number 1000 exists
// only after the 999 before it, so a loop split over threads, or a batch split in two, draws other
// numbers. A counter-based generator has no state. It is a function, much like a block cipher: a
// key picks one of 2^64 scramblings of all 128-bit numbers, and random number 1000 is what the
// scrambling makes of the number 1000. Whoever needs it computes it, in any order.

#include <array>
#include <cstdint>

namespace diffusion {

/// Four 32-bit words, least significant first: a counter before, and random bits after,
/// `philox4x32`.
using philox_block = std::array<std::uint32_t, 4>;

/// Selects one of 2^64 scramblings of the counters.
using philox_key = std::array<std::uint32_t, 2>;

namespace detail {

// Multipliers and key increments of Salmon et al. (2011), section 4.3 and table 2. The increments
// are the leading bits of the golden ratio and of sqrt(3) - 1.
inline constexpr std::uint32_t philox_multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr std::uint32_t philox_key_increment[2] = {0x9E3779B9u, 0xBB67AE85u};
inline constexpr int philox_rounds = 10;

}  // namespace detail

/// Philox4x32-10: 128 random bits as a function of a 128-bit counter and a 64-bit key.
///
/// One round is (x0, x1, x2, x3) -> (hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0
/// x0)), where hi and lo are the halves of a 64-bit product; ten rounds, and the key is incremented
/// between them. For a fixed key this is a bijection: two counters never give the same 128 bits.
/// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section
/// 4.
constexpr philox_block philox4x32(philox_block counter, philox_key key) {
    for (int round = 0; round < detail::philox_rounds; ++round) {
        const std::uint64_t p0 = std::uint64_t{detail::philox_multiplier[0]} * counter[0];
        const std::uint64_t p1 = std::uint64_t{detail::philox_multiplier[1]} * counter[2];
        counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(p1),
                   static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(p0)};
        key[0] += detail::philox_key_increment[0];
        key[1] += detail::philox_key_increment[1];
    }
    return counter;
}

}  // namespace diffusion
