#pragma once
// L0: Philox4x64-10, the generator behind numpy.random.Philox. The library's own numbers come from
// its sibling of 32-bit words, philox.hpp, which explains the idea.

#include <array>
#include <cstddef>
#include <cstdint>

#include <diffusion/random/seed_sequence.hpp>
#include <diffusion/random/uint128.hpp>

namespace diffusion {

/// Philox4x64-10: 256 random bits as a function of a counter and a key, words least significant
/// first; ten times (x0, x1, x2, x3) -> (hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0
/// x0)). Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
/// section 4 and table 2.
constexpr std::array<std::uint64_t, 4> philox4x64_block(std::array<std::uint64_t, 4> x,
                                                        std::array<std::uint64_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
        const detail::uint128 p0 = detail::uint128{0xD2E7470EE14C6C93u} * x[0];
        const detail::uint128 p1 = detail::uint128{0xCA5A826395121157u} * x[2];
        x = {static_cast<std::uint64_t>(p1 >> 64) ^ x[1] ^ key[0], static_cast<std::uint64_t>(p1),
             static_cast<std::uint64_t>(p0 >> 64) ^ x[3] ^ key[1], static_cast<std::uint64_t>(p0)};
        key[0] += 0x9E3779B97F4A7C15u;  // golden ratio, sqrt(3) - 1
        key[1] += 0xBB67AE8584CAA73Bu;
    }
    return x;
}

/// The blocks of the counters 1, 2, 3, ... as a generator: 64 random bits a call.
///
/// For reproducing NumPy's streams; to start something new, take `gaussian_noise`.
class philox4x64 {
    std::array<std::uint64_t, 2> key_;
    std::array<std::uint64_t, 4> block_{};
    std::uint64_t counter_ = 0;
    std::size_t next_ = 4;

public:
    using result_type = std::uint64_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }

    /// As numpy.random.Philox(key = key).
    explicit constexpr philox4x64(std::array<std::uint64_t, 2> key) : key_(key) {}
    /// As numpy.random.Philox(seed).
    explicit constexpr philox4x64(const seed_sequence& seed) : key_(seed.words<2>()) {}
    explicit constexpr philox4x64(std::uint64_t seed) : philox4x64(seed_sequence(seed)) {}

    /// The key of all blocks.
    constexpr std::array<std::uint64_t, 2> key() const { return key_; }

    /// The next 64 bits.
    constexpr result_type operator()() {
        if (next_ == block_.size()) {
            block_ = philox4x64_block({++counter_, 0, 0, 0}, key_);
            next_ = 0;
        }
        return block_[next_++];
    }
};

}  // namespace diffusion
