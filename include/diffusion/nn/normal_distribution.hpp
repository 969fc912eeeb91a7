#pragma once

#include <array>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <type_traits>

namespace diffusion::nn::detail {

/// p(t) = sum over k of normal_tail_series[k] t^k with t = 1 / (1 + a / 5), which is
/// exp(a^2 / 2) Phi(-a) for 0 <= a to a relative error of 4e-9, in double 1e-16: the minimax
/// polynomial, found by Remez' exchange of the points where the relative error is largest, in 50
/// digits, as far as Phi(-a) is a normal number (a = 13.3, 38.6). The function is smooth in t also
/// at t = 0, which stands for an infinite a.
template <class T>
inline constexpr auto normal_tail_series = [] {
    if constexpr (std::is_same_v<T, float>) {
        return std::array<float, 11>{3.52767238e-05F, 0.0790596083F, 0.0863916576F, 0.0421873406F,
                                     0.183653414F,    -0.182944909F, 0.386327744F,  -0.23299408F,
                                     0.105896354F,    0.0616378225F, -0.0292502344F};
    } else {
        return std::array<double, 22>{
            6.973693450297234e-12,  0.079788455612728459,  0.079788470567059538,
            0.076596642030295425,   0.07021746045699194,   0.060987410651165586,
            0.050042515496455178,   0.036133317130931583,  0.032174497463904557,
            -0.0084629156484711966, 0.075176257979757619,  -0.15748611540823643,
            0.29511961283497595,    -0.44038245595585324,  0.50399169985967573,
            -0.44008447655543759,   0.27316802136058366,   -0.10547649509793659,
            0.016350524050636049,   0.0045733819481018935, -0.0025761151514719334,
            0.00036030636717017281};
    }
}();

/// N(0, 1) in each lane.
template <class T>
struct normal_distribution {
    vec<T> phi;      ///< the distribution function, the share of numbers below x
    vec<T> density;  ///< exp(-x^2 / 2) / sqrt(2 pi)
};

/// phi to 4 epsilon of its own size, far out in the lower tail as well, and the density to 1.4.
///
/// A rounding error of a^2 would be magnified by exp, so a = high + low, where high has so few
/// digits that its square is exact: a^2 = high^2 + low (a + high).
template <class T>
DIFFUSION_INLINE inline normal_distribution<T> normal_at(vec<T> x) {
    constexpr T few_digits = std::is_same_v<T, float> ? T(0x1.8p15) : T(0x1.8p32);
    constexpr const auto& series = normal_tail_series<T>;
    const vec<T> end = vec<T>{} + T(40), far = x < T(0) ? -x : x;
    const vec<T> a = far > end ? end : far;  // beyond it nothing is left in either precision
    const vec<T> high = (a + few_digits) - few_digits;
    const vec<T> e = exp<T>(T(-0.5) * high * high, T(-0.5) * (a - high) * (a + high));
    const vec<T> t = T(5) / (T(5) + a);
    vec<T> p{};
    unrolled<series.size()>([&](auto k) { p = p * t + series[series.size() - 1 - k]; });
    const vec<T> tail = e * p;
    return {x < T(0) ? tail : T(1) - tail, e * T(0.3989422804014327)};
}

}  // namespace diffusion::nn::detail
