#pragma once
// L0: the Mersenne Twister, the generator under torch's CPU random numbers and NumPy's legacy ones.
//
// For reproducing their streams only: to start something new, take `gaussian_noise`, which has no
// state. It is std::mt19937 bit by bit, written out because <random> is slow to include and because
// NumPy's seeding by an array is not among the standard library's.

#include <cstddef>
#include <cstdint>
#include <span>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// MT19937: 32 random bits a call, period 2^19937 - 1, 2.5 kB of state.
///
/// The state is the last 624 words of the recurrence x_{k+624} = x_{k+397} ^ A (upper bit of x_k,
/// lower 31 bits of x_{k+1}), A y = y/2 ^ (0x9908B0DF if y is odd); a word is "tempered" by four
/// shifts on its way out. Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998), eq.
/// (2.1) to (2.5) and table II; the seeding is their revision of 2002.
class mt19937 {
    static constexpr std::size_t n_ = 624, m_ = 397;
    std::uint32_t x_[n_];
    std::size_t next_ = n_;

    constexpr std::uint32_t mixed(std::size_t i) const {
        return x_[i - 1] ^ (x_[i - 1] >> 30);  // what seeding makes of the word before
    }

    constexpr void advance() {
        for (std::size_t k = 0; k < n_; ++k) {
            const std::uint32_t y = (x_[k] & 0x80000000u) | (x_[(k + 1) % n_] & 0x7FFFFFFFu);
            x_[k] = x_[(k + m_) % n_] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908B0DFu : 0u);
        }
        next_ = 0;
    }

public:
    using result_type = std::uint32_t;
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return 0xFFFFFFFFu; }

    /// Seeds by a number: x_0 = seed, x_i = 1812433253 (x_{i-1} ^ x_{i-1} / 2^30) + i.
    explicit constexpr mt19937(std::uint32_t seed) : x_{} {
        x_[0] = seed;
        for (std::size_t i = 1; i < n_; ++i)
            x_[i] = 1812433253u * mixed(i) + static_cast<std::uint32_t>(i);
    }

    /// Seeds by any number of words, of which every bit counts ("init_by_array"). Throws
    /// std::invalid_argument if there are none.
    explicit constexpr mt19937(std::span<const std::uint32_t> key) : mt19937(19650218u) {
        if (key.empty()) detail::reject("diffusion::mt19937", "the key must have a word at least");
        std::size_t i = 1;
        const auto step_on = [&] {
            if (++i < n_) return;
            x_[0] = x_[n_ - 1];
            i = 1;
        };
        for (std::size_t k = 0, j = 0; k < (key.size() > n_ ? key.size() : n_); ++k) {
            x_[i] = (x_[i] ^ (mixed(i) * 1664525u)) + key[j] + static_cast<std::uint32_t>(j);
            step_on();
            j = j + 1 < key.size() ? j + 1 : 0;
        }
        for (std::size_t k = 1; k < n_; ++k) {
            x_[i] = (x_[i] ^ (mixed(i) * 1566083941u)) - static_cast<std::uint32_t>(i);
            step_on();
        }
        x_[0] = 0x80000000u;  // never all zeros
    }

    /// The next 32 bits.
    constexpr result_type operator()() {
        if (next_ == n_) advance();
        std::uint32_t y = x_[next_++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680u;
        y ^= (y << 15) & 0xEFC60000u;
        return y ^ (y >> 18);
    }
};

}  // namespace diffusion
