#pragma once
// L0: PCG64, the generator behind NumPy's default_rng.

#include <bit>
#include <cstdint>

#include <diffusion/random/seed_sequence.hpp>
#include <diffusion/random/uint128.hpp>

namespace diffusion {

/// PCG-XSL-RR 128/64: a linear congruential generator modulo 2^128, of which a permutation that the
/// state itself selects is shown: 64 random bits a call, period 2^128.
/// O'Neill, "PCG: A family of simple fast space-efficient statistically good algorithms for random
/// number generation" (2014), section 6.3.3.
///
/// For reproducing NumPy's streams; to start something new, take `gaussian_noise`.
class pcg64 {
    detail::uint128 state_ = 0, increment_;

    constexpr void step() {
        state_ = state_ * detail::joined(0x2360ED051FC65DA4u, 0x4385DF649FCCF645u) + increment_;
    }

public:
    using result_type = std::uint64_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }

    /// Seeded as numpy.random.PCG64(seed): the first two words of the sequence are the start, the
    /// other two select one of 2^127 increments.
    explicit constexpr pcg64(const seed_sequence& seed) : increment_(0) {
        const auto word = seed.words<4>();
        increment_ = detail::joined(word[2], word[3]) << 1 | 1u;
        step();
        state_ += detail::joined(word[0], word[1]);
        step();
    }
    explicit constexpr pcg64(std::uint64_t seed) : pcg64(seed_sequence(seed)) {}

    /// The next 64 bits.
    constexpr result_type operator()() {
        step();
        const auto folded = static_cast<std::uint64_t>(state_ >> 64 ^ state_);
        return std::rotr(folded, static_cast<int>(state_ >> 122));
    }
};

}  // namespace diffusion
