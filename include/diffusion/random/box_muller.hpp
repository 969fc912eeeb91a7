#pragma once
// L0: Box-Muller: two uniform numbers become two independent normal ones, a register of pairs at a
// time, and with the same bits from every compiler.
//
//     z0 = sqrt(-2 log u) cos(2 pi v),   z1 = sqrt(-2 log u) sin(2 pi v)    (Box and Muller 1958)
//
// Why not std::normal_distribution: each standard library has its own algorithm, so the same seed
// draws another picture elsewhere; it keeps a state; and it rejects, so nobody knows which random
// word ends up in element 1000. And why not std::log and std::cos: their last bits differ between C
// libraries, and a call per element is slow.
//
// Same bits everywhere: IEEE 754 fixes the result of every single +, -, *, / and sqrt, but a
// compiler may contract a * b + c into one fused operation that rounds once instead of twice, and
// whether it does so depends on compiler, flags and machine. The expressions below are written so
// that contraction makes no difference: a product that is added to something either is exact or
// comes from `product`. (-ffast-math cancels this.)
//
// Accuracy, in units of the last place, as the greatest errors over every 15th of the 2^32 words:
// float radius 1.44, sine and cosine 1.99; double 1.42 and 1.94; also near the zeros of the three.
// The product adds half a unit. The rounding of the uniform number is included.
// tests/random/box_muller.cpp sweeps a part of the words against 1.5 and 2.

#include <bit>
#include <cstddef>
#include <cstdint>

#include <diffusion/random/lanes.hpp>

namespace diffusion::detail {
inline namespace DIFFUSION_LANES {

/// Polynomial coefficients, rising powers, and bit patterns for one precision. The polynomials
/// interpolate their function in the Chebyshev nodes of the interval (computed with 60 digits),
/// which is within a small factor of the best polynomial of that degree; the relative errors of the
/// result that they cause, rounded as they are, stand beside them.
template <class T>
struct normal_math;

template <>
struct normal_math<float> {
    using bits = std::uint32_t;
    static constexpr int mantissa = 23;
    static constexpr bits bias = 127;
    static constexpr bits one_above_sqrt_half =
        0x004AFB0Du;                                   // pattern of 1 minus that of sqrt(1/2)
    static constexpr bits integer_bits = 0x4B000000u;  // pattern of 2^23, where one ulp is 1
    static constexpr float integer_offset = 0x1p23f;
    static constexpr float log_2_high = 0x1.62e4p-1f;  // 15 bits: exact times an exponent
    static constexpr float log_2_low = 0x1.7f7d1cp-20f;
    // (2 atanh(s) / s - 2) / s^2 in powers of s^2, |s| <= 0.1717: 2^-28.5
    static constexpr float atanh[] = {0x1.55555cp-1f, 0x1.997c22p-2f, 0x1.2ee8c8p-2f};
    // sin(pi x / 2) / x in powers of x^2, |x| <= 1/2, the first one in two parts: 2^-27.4
    static constexpr float half_pi = 0x1.921fb6p+0f;
    static constexpr float sine[] = {-0x1.a1114ap-25f, -0x1.4abbbap-1f, 0x1.465ec4p-4f,
                                     -0x1.2d9b4p-8f};
    // (cos(pi x / 2) - 1) / x^2 in powers of x^2: 2^-26.7
    static constexpr float cosine[] = {-0x1.3bd3ccp+0f, 0x1.03c1eap-2f, -0x1.55cb98p-6f,
                                       0x1.db6492p-11f};
};

template <>
struct normal_math<double> {
    using bits = std::uint64_t;
    static constexpr int mantissa = 52;
    static constexpr bits bias = 1023;
    static constexpr bits one_above_sqrt_half = 0x00095F619980C433u;
    static constexpr bits integer_bits = 0x4330000000000000u;
    static constexpr double integer_offset = 0x1p52;
    static constexpr double log_2_high = 0x1.62e42fefa38p-1;  // 42 bits
    static constexpr double log_2_low = 0x1.ef35793c7673p-45;
    // 2^-57.5
    static constexpr double atanh[] = {
        0x1.5555555555558p-1, 0x1.9999999995273p-2, 0x1.2492492dfd86cp-2, 0x1.c71c62d5e53e0p-3,
        0x1.7462b91b8df65p-3, 0x1.39fdcceb4bb45p-3, 0x1.2b5f68a50d903p-3};
    // 2^-56.5
    static constexpr double half_pi = 0x1.921fb54442d18p+0;
    static constexpr double sine[] = {
        0x1.03960bb397e75p-54, -0x1.4abbce625be41p-1,  0x1.466bc677587f8p-4, -0x1.32d2cce2e5b19p-8,
        0x1.50782fda12d96p-13, -0x1.e30071afc3e59p-19, 0x1.e3f38399551bfp-25};
    // 2^-55.6
    static constexpr double cosine[] = {
        -0x1.3bd3cc9be45dep+0,  0x1.03c1f081b5ac0p-2,  -0x1.55d3c7e3cb241p-6, 0x1.e1f5068688d5bp-11,
        -0x1.a6d1eef479be1p-16, 0x1.f9ce245cada0bp-22, -0x1.b2f3eb054afcdp-28};
};

/// The functions behind Box-Muller, for one register of T.
template <class T>
class normal_lanes {
    using math = normal_math<T>;
    using bits = typename math::bits;
    using number = lanes<T>;
    using pattern = lanes<bits>;
    static constexpr int sign_bit = 8 * sizeof(T) - 1;

    number zero_;

    /// Zero, but the compiler cannot know.
    static T opaque_zero() {
        volatile T zero = 0;
        return zero;
    }

    /// a * b, rounded, whatever is done with it: a * b + 0 may be contracted, with the same result,
    /// but what is then added to it stays apart.
    number product(number a, number b) const { return a * b + zero_; }

    /// c_i + c_{i+1} x + c_{i+2} x^2 + ... by Horner's rule.
    template <std::size_t i = 0, std::size_t n>
    number polynomial(const T (&c)[n], number x) const {
        if constexpr (i + 1 == n) {
            return number{} + c[i];
        } else {
            return c[i] + product(polynomial<i + 1>(c, x), x);
        }
    }

public:
    normal_lanes() : zero_(number{} + opaque_zero()) {}

    /// -2 log(u) for u in (0, 1), given as y = u if u < 1/2 and y = u - 1 if not, so that u near 1
    /// loses nothing.
    ///
    /// With u = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and s = f / (2 + f):
    /// log(1 + f) = 2 atanh(s) = f - s (f - R), R = 2 atanh(s) / s - 2, because 2 s = f - s f.
    number minus_two_log(number y) const {
        const pattern below_zero =
            0 - (std::bit_cast<pattern>(y) >> sign_bit);  // all ones or all zeros
        const number c =
            std::bit_cast<number>(below_zero & (math::bias << math::mantissa));  // 1 or 0
        const number u = c + y;  // rounded, which is good enough to choose k
        const pattern k_biased =
            (std::bit_cast<pattern>(u) + math::one_above_sqrt_half) >> math::mantissa;
        const number k = std::bit_cast<number>(k_biased | math::integer_bits) -
                         (math::integer_offset + static_cast<T>(math::bias));
        const number scale =
            std::bit_cast<number>((2 * math::bias - k_biased) << math::mantissa);  // 2^-k
        const number f = (scale * c - T(1)) + scale * y;  // all exact, the sum by Sterbenz' lemma
        const number s = f / (f + T(2));
        const number z = s * s;
        const number r = product(polynomial(math::atanh, z), z);
        const number small = product(s, f - r) - product(k, number{} + math::log_2_low);
        return T(-2) * (k * math::log_2_high + (f - small));  // k log_2_high is exact
    }

    /// sin(pi x / 2) for |x| <= 1/2, with a small relative error also near 0.
    number sine_of_quarters(number x) const {
        return x * (math::half_pi + polynomial(math::sine, x * x));
    }

    /// cos(pi x / 2) for |x| <= 1/2.
    number cosine_of_quarters(number x) const {
        const number z = x * x;
        return T(1) + product(polynomial(math::cosine, z), z);
    }

    /// radius * cosine and radius * sine of the angle of (quadrant + x) quarter turns; quadrant = 0
    /// .. 3.
    void polar(number radius, number x, pattern quadrant, T* z_cosine, T* z_sine) const {
        const pattern s = std::bit_cast<pattern>(sine_of_quarters(x));
        const pattern c = std::bit_cast<pattern>(cosine_of_quarters(x));
        const pattern swapped =
            (s ^ c) & (0 - (quadrant & 1));  // a quarter turn: (c, s) -> (-s, c)
        const pattern cosine = (c ^ swapped) ^ (((quadrant + 1) >> 1) << sign_bit);
        const pattern sine = (s ^ swapped) ^ ((quadrant >> 1) << sign_bit);
        store(z_cosine, radius * std::bit_cast<number>(cosine));
        store(z_sine, radius * std::bit_cast<number>(sine));
    }
};

}  // namespace DIFFUSION_LANES
}  // namespace diffusion::detail
