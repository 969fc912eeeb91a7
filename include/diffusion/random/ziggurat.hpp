#pragma once
// L0: the ziggurat method for normal numbers, with the 256 layers and the use of random bits that
// NumPy has.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace diffusion::detail {

/// The layers under f(x) = exp(-x^2/2), x > 0, all of the same area v. Layer i = 255 .. 1 is the
/// rectangle 0 < x < x_i, f(x_i) < y < f(x_{i-1}), where x_255 = r and
///
///     x_i (f(x_{i-1}) - f(x_i)) = v;
///
/// layer 0 is the base 0 < y < f(r) with the tail x > r beside it, as if it were v / f(r) wide.
/// There is one r for which 256 of these close exactly at x_0 = 0, f = 1.
/// Marsaglia and Tsang, "The ziggurat method for generating random variables", J. Stat. Software 5
/// (2000), section 2.
///
/// A random integer k of `bits` bits stands for x = k width[i]; below `inside[i]` it lies under the
/// curve whatever y is. `height[i]` = f(x_i).
template <class T>
struct ziggurat {
    using word = std::conditional_t<std::is_same_v<T, float>, std::uint32_t, std::uint64_t>;
    static constexpr int bits = std::is_same_v<T, float> ? 23 : 52;
    static constexpr long double r = 3.6541528853610087963519472518L;

    word inside[256];
    T width[256], height[256];

    /// In long double, which is exact enough where that has 64 bits (x86). NumPy's own tables come
    /// from double arithmetic, whose errors grow from layer to layer, up to 1e-13 of a width; and
    /// so far do numbers made with the two differ.
    ziggurat() {
        const auto f = [](long double x) { return std::exp(-x * x / 2); };
        const long double scale = std::ldexp(1.0L, bits);
        const long double tail = std::sqrt(std::acos(-1.0L) / 2) * std::erfc(r / std::sqrt(2.0L));
        const long double v = r * f(r) + tail;
        const auto set = [&](std::size_t i, long double x, long double x_inside) {
            inside[i] = static_cast<word>(x_inside / x * scale + 0.5L);
            width[i] = static_cast<T>(x / scale);
            height[i] = static_cast<T>(f(x));
        };
        set(0, v / f(r), r);
        height[0] = 1;  // of layer 1's upper edge, x_0 = 0
        long double x = r;
        for (std::size_t i = 255; i >= 1; --i) {
            const long double x_above = i == 1 ? 0 : std::sqrt(-2 * std::log(v / x + f(x)));
            set(i, x, x_above);
            x = x_above;
        }
    }

    /// The tables, made at first use.
    static const ziggurat& layers() {
        static const ziggurat tables;
        return tables;
    }

    /// A standard normal number. `random_word` returns that many random bits, `uniform` a number in
    /// [0, 1). 99 of 100 numbers cost one word.
    template <class Word, class Uniform>
    T draw(Word&& random_word, Uniform&& uniform) const {
        for (;;) {
            const word bits_drawn = random_word();
            const std::size_t i = bits_drawn & 0xFFu;
            const word k = (bits_drawn >> 9) & ((word{1} << bits) - 1);
            const T x = static_cast<T>(k) * width[i];
            const T signed_x = (bits_drawn >> 8 & 1) != 0 ? -x : x;
            if (k < inside[i]) return signed_x;
            if (i == 0) {
                const T beyond = beyond_r(uniform);
                return (k >> 8 & 1) != 0 ? -beyond : beyond;
            }
            const T y = (height[i - 1] - height[i]) * uniform() + height[i];
            if (static_cast<double>(y) < std::exp(-0.5 * static_cast<double>(x) * x))
                return signed_x;
        }
    }

private:
    /// A number of the tail x > r: Marsaglia (1964), by rejection from an exponential law.
    template <class Uniform>
    static T beyond_r(Uniform&& uniform) {
        for (;;) {
            const T x = -static_cast<T>(1 / r) * std::log1p(-uniform());
            const T y = -std::log1p(-uniform());
            if (y + y > x * x) return static_cast<T>(r) + x;
        }
    }
};

}  // namespace diffusion::detail
