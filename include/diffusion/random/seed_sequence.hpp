#pragma once
// L0: how NumPy turns a seed of any length into the state of a generator.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace diffusion {

/// NumPy's SeedSequence: spreads the words of a seed over a pool of four words so that each bit of
/// the seed changes about half of the bits of the pool, and draws any number of words from it.
///
/// The hash is that of M. E. O'Neill, "Developing a seed_seq alternative" (2015): a word is
/// multiplied by a constant that is itself multiplied with each use, and its upper half is folded
/// into the lower one.
class seed_sequence {
    std::array<std::uint32_t, 4> pool_{};

    /// A multiplicative hash whose multiplier never repeats.
    struct hash {
        std::uint32_t constant, factor;

        constexpr std::uint32_t operator()(std::uint32_t word) {
            word ^= constant;
            constant *= factor;
            word *= constant;
            return word ^ (word >> 16);
        }
    };

    static constexpr std::uint32_t mix(std::uint32_t x, std::uint32_t y) {
        const std::uint32_t mixed = 0xCA01F9DDu * x - 0x4973F715u * y;
        return mixed ^ (mixed >> 16);
    }

public:
    /// From a seed of any number of words, least significant first.
    explicit constexpr seed_sequence(std::span<const std::uint32_t> seed) {
        hash hashed{0x43B0D7E5u, 0x931E8875u};
        for (std::size_t i = 0; i < pool_.size(); ++i)
            pool_[i] = hashed(i < seed.size() ? seed[i] : 0u);
        for (std::size_t from = 0; from < pool_.size(); ++from)
            for (std::size_t to = 0; to < pool_.size(); ++to)
                if (to != from) pool_[to] = mix(pool_[to], hashed(pool_[from]));
        for (std::size_t i = pool_.size(); i < seed.size(); ++i)
            for (std::uint32_t& word : pool_) word = mix(word, hashed(seed[i]));
    }

    /// From one number, as SeedSequence(seed).
    explicit constexpr seed_sequence(std::uint64_t seed)
        : seed_sequence(std::array{static_cast<std::uint32_t>(seed),
                                   static_cast<std::uint32_t>(seed >> 32)}) {}

    /// As SeedSequence.generate_state(n, uint64).
    template <std::size_t n>
    constexpr std::array<std::uint64_t, n> words() const {
        hash hashed{0x8B51F9DDu, 0x58F38DEDu};
        std::array<std::uint64_t, n> result{};
        for (std::size_t i = 0; i < 2 * n; ++i) {
            const std::uint64_t word = hashed(pool_[i % pool_.size()]);
            result[i / 2] |= word << (i % 2 * 32);
        }
        return result;
    }
};

}  // namespace diffusion
