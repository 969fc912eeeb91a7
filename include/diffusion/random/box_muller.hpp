#pragma once
// L0: Box-Muller: two uniform numbers become two independent normal ones, in loops that compilers vectorise and with the
// same bits from every compiler.
//
//     z0 = sqrt(-2 log u) cos(2 pi v),   z1 = sqrt(-2 log u) sin(2 pi v)       (Box and Muller 1958)
//
// Why not std::normal_distribution: each standard library has its own algorithm, so the same seed draws another picture
// elsewhere; it keeps a state; and it rejects, so nobody knows which random word ends up in element 1000. And why not
// std::log and std::cos: their last bits differ between C libraries, and a call per element is slow.
//
// Same bits everywhere: IEEE 754 fixes the result of every single +, -, *, / and sqrt, but a compiler may contract
// a * b + c into one fused operation that rounds once instead of twice, and whether it does so depends on compiler,
// flags and machine. All expressions below are written so that contraction makes no difference: a product that is
// added to something is either exact, or is made by `product`. (-ffast-math cancels the whole contract.)

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace diffusion::detail {

/// Counters per group: random words are made for 16 counters at once, a multiple of the lanes of every vector unit.
inline constexpr std::size_t group_counters = 16;
/// Elements per group: each counter gives four words, each word one number.
inline constexpr std::size_t group_elements = 4 * group_counters;
/// Box-Muller pairs per group.
inline constexpr std::size_t group_pairs = group_elements / 2;

/// Polynomial coefficients, rising powers, and bit patterns for one precision. The polynomials interpolate their
/// function in the Chebyshev nodes of the interval (computed with 60 digits), which is within a small factor of the best
/// polynomial of that degree; the relative errors that they cause, coefficients rounded, are noted beside them.
template <class T>
struct normal_math;

template <>
struct normal_math<float> {
    using bits = std::uint32_t;
    static constexpr int mantissa = 23;
    static constexpr bits bias = 127;
    static constexpr bits one_above_sqrt_half =
        0x004AFB0Du;  // bit pattern of 1 minus that of sqrt(1/2)
    static constexpr bits integer_bits =
        0x4B000000u;  // bit pattern of 2^23, where ulps are integers
    static constexpr float integer_offset = 8388608.0f;
    static constexpr float log2_high = 0.693145752f;  // 15 bits: times an exponent it is exact
    static constexpr float log2_low = 1.42860677e-06f;
    static constexpr float atanh[] = {0.666666865f, 0.399887592f, 0.295809865f};  // 2^-28.5
    static constexpr float half_pi_high = 1.57079637f;
    static constexpr float sine[] = {-4.85530514e-08f, -0.64596349f, 0.0796802193f,
                                     -0.00460214913f};  // 2^-27.4
    static constexpr float cosine[] = {-1.23370051f, 0.253669411f, -0.0208615288f,
                                       0.000906739908f};  // 2^-26.7
};

template <>
struct normal_math<double> {
    using bits = std::uint64_t;
    static constexpr int mantissa = 52;
    static constexpr bits bias = 1023;
    static constexpr bits one_above_sqrt_half = 0x00095F619980C433u;
    static constexpr bits integer_bits = 0x4330000000000000u;
    static constexpr double integer_offset = 4503599627370496.0;
    static constexpr double log2_high = 0x1.62e42fefa38p-1;  // 42 bits
    static constexpr double log2_low = 0x1.ef35793c7673p-45;
    static constexpr double atanh[] = {
        0x1.5555555555558p-1, 0x1.9999999995273p-2, 0x1.2492492dfd86cp-2, 0x1.c71c62d5e53e0p-3,
        0x1.7462b91b8df65p-3, 0x1.39fdcceb4bb45p-3, 0x1.2b5f68a50d903p-3};  // 2^-57.5
    static constexpr double half_pi_high = 0x1.921fb54442d18p+0;
    static constexpr double sine[] = {
        0x1.03960bb397e75p-54, -0x1.4abbce625be41p-1,  0x1.466bc677587f8p-4, -0x1.32d2cce2e5b19p-8,
        0x1.50782fda12d96p-13, -0x1.e30071afc3e59p-19, 0x1.e3f38399551bfp-25};  // 2^-56.5
    static constexpr double cosine[] = {
        -0x1.3bd3cc9be45dep+0,  0x1.03c1f081b5ac0p-2,  -0x1.55d3c7e3cb241p-6, 0x1.e1f5068688d5bp-11,
        -0x1.a6d1eef479be1p-16, 0x1.f9ce245cada0bp-22, -0x1.b2f3eb054afcdp-28};  // 2^-55.6
};

/// Zero, but the compiler cannot know.
template <class T>
T opaque_zero() {
    volatile T zero = 0;
    return zero;
}

/// a * b, rounded, whatever is done with it afterwards: a * b + 0 may be contracted, with the same result, but what is
/// then added to it stays apart.
template <class T>
constexpr T product(T a, T b, T zero) {
    return a * b + zero;
}

/// c_0 + c_1 x + ... + c_{n-1} x^{n-1} by Horner's rule, unrolled so that loops around it vectorise.
template <std::size_t i = 0, class T, std::size_t n>
constexpr T polynomial(const T (&c)[n], T x, T zero) {
    if constexpr (i + 1 == n) {
        return c[i];
    } else {
        return c[i] + product(polynomial<i + 1>(c, x, zero), x, zero);
    }
}

/// -2 log(u), where u in (0, 1) is given as y = u if u < 1/2 and y = u - 1 if not, so that u near 1 loses nothing.
///
/// With u = 2^k (1 + f) and s = f / (2 + f): log(1 + f) = 2 atanh(s) = f - s (f - R(s^2)), R(z) = z P(z); and
/// sqrt(1/2) <= 1 + f < sqrt(2), so that k log 2 and log(1 + f) never cancel. f is exact.
template <class T>
T minus_two_log(T y, T zero) {
    using m = normal_math<T>;
    using bits = typename m::bits;
    // c = 1 for y < 0, otherwise 0: u = c + y
    const bits negative = std::bit_cast<bits>(y) >> (8 * sizeof(T) - 1);
    const T c = std::bit_cast<T>((0 - negative) & (m::bias << m::mantissa));
    const T u = c + y;  // rounded, good enough to choose k
    const bits k_biased = (std::bit_cast<bits>(u) + m::one_above_sqrt_half) >> m::mantissa;
    const T k = std::bit_cast<T>(k_biased | m::integer_bits) - (m::integer_offset + T(m::bias));
    const T scale = std::bit_cast<T>((2 * m::bias - k_biased) << m::mantissa);  // 2^-k
    const T f = (scale * c - T(1)) + scale * y;  // exact: powers of two, then Sterbenz' lemma
    const T s = f / (f + T(2));
    const T z = s * s;
    const T r = product(polynomial(m::atanh, z, zero), z, zero);
    const T tail = product(s, f - r, zero) - product(k, m::log2_low, zero);
    return T(-2) * (k * m::log2_high + (f - tail));  // k log2_high is exact
}

/// sin(pi x / 2) for |x| <= 1/2, with a small relative error also near 0.
template <class T>
T sine_of_quarters(T x, T zero) {
    using m = normal_math<T>;
    return x * (m::half_pi_high + polynomial(m::sine, x * x, zero));
}

/// cos(pi x / 2) for |x| <= 1/2.
template <class T>
T cosine_of_quarters(T x, T zero) {
    using m = normal_math<T>;
    const T z = x * x;
    return T(1) + product(polynomial(m::cosine, z, zero), z, zero);
}

/// Replaces each of n numbers, a multiple of 4, by its square root. (std::sqrt may set errno, which keeps a compiler from
/// vectorising it. Both ways are correctly rounded.)
inline void square_roots(float* x, std::size_t n) {
#if defined(__SSE2__)
    for (std::size_t i = 0; i < n; i += 4) _mm_storeu_ps(x + i, _mm_sqrt_ps(_mm_loadu_ps(x + i)));
#else
    for (std::size_t i = 0; i < n; ++i) x[i] = std::sqrt(x[i]);
#endif
}
inline void square_roots(double* x, std::size_t n) {
#if defined(__SSE2__)
    for (std::size_t i = 0; i < n; i += 2) _mm_storeu_pd(x + i, _mm_sqrt_pd(_mm_loadu_pd(x + i)));
#else
    for (std::size_t i = 0; i < n; ++i) x[i] = std::sqrt(x[i]);
#endif
}

/// The two uniform numbers of each pair of a group, in the form in which Box-Muller loses nothing.
template <class T>
struct uniform_pairs {
    T y[group_pairs];                                     // radius: see minus_two_log
    T x[group_pairs];                                     // angle: (quadrant + x) quarter turns,
    typename normal_math<T>::bits quadrant[group_pairs];  // |x| <= 1/2, quadrant 0 .. 3
};

/// z[0 .. 15], z[32 .. 47] become the cosine halves, z[16 .. 31], z[48 .. 63] the sine halves of the pairs.
template <class T>
void box_muller(const uniform_pairs<T>& in, T* z) {
    using bits = typename normal_math<T>::bits;
    constexpr int sign_bit = 8 * sizeof(T) - 1;
    const T zero = opaque_zero<T>();
    T radius[group_pairs];
    for (std::size_t i = 0; i < group_pairs; ++i) radius[i] = minus_two_log(in.y[i], zero);
    square_roots(radius, group_pairs);
    for (std::size_t half = 0; half < 2; ++half) {
        const std::size_t first = half * group_counters;
        T* const out = z + 2 * first;
        for (std::size_t i = 0; i < group_counters; ++i) {
            const T s = sine_of_quarters(in.x[first + i], zero);
            const T c = cosine_of_quarters(in.x[first + i], zero);
            // a quarter turn takes (cos, sin) to (-sin, cos)
            const bits q = in.quadrant[first + i];
            const bits swap = 0 - (q & 1);
            const bits difference = (std::bit_cast<bits>(s) ^ std::bit_cast<bits>(c)) & swap;
            const bits cosine_sign = ((q + 1) >> 1) << sign_bit;
            const bits sine_sign = (q >> 1) << sign_bit;
            const T cosine = std::bit_cast<T>((std::bit_cast<bits>(c) ^ difference) ^ cosine_sign);
            const T sine = std::bit_cast<T>((std::bit_cast<bits>(s) ^ difference) ^ sine_sign);
            out[i] = radius[first + i] * cosine;
            out[group_counters + i] = radius[first + i] * sine;
        }
    }
}

}  // namespace diffusion::detail
