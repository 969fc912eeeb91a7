#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <limits>

/// exp, the logistic function and SiLU for whole vectors.
namespace diffusion::nn::detail {

/// 1 / k!.
constexpr double inverse_factorial(int k) { return k < 2 ? 1 : inverse_factorial(k - 1) / k; }

template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
    using integer = std::uint32_t;
    static constexpr int fraction_bits = 23, degree = 6;
    static constexpr float lowest = -87.3365F;  // a little above the smallest normal result's
    static constexpr float highest = 88.72283F;
    static constexpr float ln2_high = 0.693359375F;  // 9 bits: times n it is exact
    static constexpr float ln2_low = -2.12194440e-4F;
    static constexpr float whole = 0x1.8p23F;  // numbers of this size have no fraction

    /// The number before r^k. Of the Taylor series up to r^7 the last term is replaced by lower
    /// ones: for |r| <= a = ln(2)/2 the odd polynomial 1.5 a^2 r^5 - 0.5226 a^4 r^3 is within
    /// a^7 / 37 of r^7, which is 3e-9 of exp(r). No other pair of coefficients comes closer; the
    /// number before r stays 1.
    static constexpr double coefficient(int k) {
        constexpr double a2 = 0.34657359 * 0.34657359;
        const double share = k == 5 ? 1.5 * a2 : k == 3 ? -0.5226 * a2 * a2 : 0.;
        return inverse_factorial(k) + share * inverse_factorial(7);
    }
};

template <>
struct exp_constants<double> {
    using integer = std::uint64_t;
    static constexpr int fraction_bits = 52, degree = 13;
    static constexpr double lowest = -708.396;
    static constexpr double highest = 709.782712893384;
    static constexpr double ln2_high = 0.693145751953125;  // 20 bits: times n it is exact
    static constexpr double ln2_low = 1.42860682030941723212e-6;
    static constexpr double whole = 0x1.8p52;

    static constexpr double coefficient(int k) { return inverse_factorial(k); }
};

/// The numbers before r^0, r^1, ..., r^degree.
template <class T>
inline constexpr auto exp_coefficients = [] {
    std::array<T, exp_constants<T>::degree + 1> all{};
    for (int k = 0; k <= exp_constants<T>::degree; ++k)
        all[static_cast<std::size_t>(k)] = static_cast<T>(exp_constants<T>::coefficient(k));
    return all;
}();

template <class T>
struct integers_of {
    typedef typename exp_constants<T>::integer type __attribute__((vector_size(vector_bytes)));
};

template <class To, class From>
DIFFUSION_INLINE inline To bits_as(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    __builtin_memcpy(&to, &v, sizeof to);
    return to;
}

/// exp(x) in each lane, to about one unit in the last place; 0 where the result would be below the
/// smallest normal number, infinity above the largest.
///
/// x = n ln 2 + r with |r| <= ln(2)/2 and exp(r) by its Taylor series (what is left out is below a
/// rounding error). n is x / ln 2 rounded by the addition of a number so large that nothing
/// behind the point remains, which also leaves n in the last bits of the sum, from where it is
/// added to the exponent.
///
/// With a second argument exp(x + rest) for |rest| < 0.05 that is too small to be added to x.
template <class T, class... Rest>
DIFFUSION_INLINE inline vec<T> exp(vec<T> x, Rest... rest) {
    using c = exp_constants<T>;
    using integers = typename integers_of<T>::type;
    const vec<T> shifted = x * T(1.44269504088896340736) + c::whole;
    const vec<T> n = shifted - c::whole;
    const vec<T> r = (((x - n * c::ln2_high) - n * c::ln2_low) + ... + rest);
    vec<T> sum = vec<T>{} + exp_coefficients<T>[c::degree];
#pragma GCC unroll 16
    for (int k = c::degree - 1; k >= 0; --k)
        sum = sum * r + exp_coefficients<T>[static_cast<std::size_t>(k)];
    const vec<T> y =
        bits_as<vec<T>>(bits_as<integers>(sum) + (bits_as<integers>(shifted) << c::fraction_bits));
    const vec<T> beyond = x + std::numeric_limits<T>::infinity();  // NaN stays NaN
    return x < c::lowest ? vec<T>{} : x <= c::highest ? y : beyond;
}

/// 1 / (1 + exp(-x)).
template <class T>
DIFFUSION_INLINE inline vec<T> logistic(vec<T> x) {
    return T(1) / (T(1) + exp<T>(-x));
}

/// x / (1 + exp(-x)).
template <class T>
DIFFUSION_INLINE inline vec<T> silu(vec<T> x) {
    return x / (T(1) + exp<T>(-x));
}

/// dL/dx for y = silu(x): dy s (1 + x (1 - s)) with s = logistic(x).
template <class T>
DIFFUSION_INLINE inline vec<T> silu_gradient(vec<T> x, vec<T> dy) {
    const vec<T> s = logistic<T>(x);
    return dy * s * (T(1) + x * (T(1) - s));
}

}  // namespace diffusion::nn::detail
