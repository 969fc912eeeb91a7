#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <diffusion/nn/conv/simd.hpp>
#include <limits>
#include <type_traits>
#include <utility>

/// exp, the logistic function and SiLU for whole vectors, and loops that apply such functions to
/// arrays.
namespace diffusion::nn::detail {

template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
    using integer = std::uint32_t;
    static constexpr int fraction_bits = 23, degree = 7;
    static constexpr float lowest = -87.3365F;  // a little above the smallest normal result's
    static constexpr float highest = 88.72283F;
    static constexpr float ln2_high = 0.693359375F;  // 9 bits: times n it is exact
    static constexpr float ln2_low = -2.12194440e-4F;
    static constexpr float whole = 0x1.8p23F;  // numbers of this size have no fraction
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
};

template <class T>
struct integers_of {
    typedef typename exp_constants<T>::integer type __attribute__((vector_size(vector_bytes)));
};

template <class To, class From>
[[gnu::always_inline]] inline To bits_as(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    __builtin_memcpy(&to, &v, sizeof to);
    return to;
}

/// 1 / k!.
template <class T>
constexpr T inverse_factorial(int k) {
    T product = 1;
    for (int i = 2; i <= k; ++i) product *= static_cast<T>(i);
    return T(1) / product;
}

/// exp(x) in each lane, to about one unit in the last place; 0 where the result would be below the
/// smallest normal number, infinity above the largest.
///
/// x = n ln 2 + r with |r| <= ln(2)/2 and exp(r) by its Taylor series (the first term left out is
/// below a rounding error). n is x / ln 2 rounded by the addition of a number so large that nothing
/// behind the point remains, which also leaves n in the last bits of the sum, from where it is added
/// to the exponent.
///
/// With a second argument exp(x + rest) for |rest| < 0.05 that is too small to be added to x.
template <class T, class... Rest>
[[gnu::always_inline]] inline vec<T> exp(vec<T> x, Rest... rest) {
    using c = exp_constants<T>;
    using integers = typename integers_of<T>::type;
    const vec<T> shifted = x * T(1.44269504088896340736) + c::whole;
    const vec<T> n = shifted - c::whole;
    const vec<T> r = (((x - n * c::ln2_high) - n * c::ln2_low) + ... + rest);
    vec<T> sum = vec<T>{} + inverse_factorial<T>(c::degree);
#pragma GCC unroll 16
    for (int k = c::degree - 1; k >= 0; --k) sum = sum * r + inverse_factorial<T>(k);
    const vec<T> y =
        bits_as<vec<T>>(bits_as<integers>(sum) + (bits_as<integers>(shifted) << c::fraction_bits));
    const vec<T> beyond = x + std::numeric_limits<T>::infinity();  // NaN stays NaN
    return x < c::lowest ? vec<T>{} : x <= c::highest ? y : beyond;
}

/// 1 / (1 + exp(-x)).
template <class T>
[[gnu::always_inline]] inline vec<T> logistic(vec<T> x) {
    return T(1) / (T(1) + exp<T>(-x));
}

/// x / (1 + exp(-x)).
template <class T>
[[gnu::always_inline]] inline vec<T> silu(vec<T> x) {
    return x / (T(1) + exp<T>(-x));
}

/// dL/dx for y = silu(x): dy s (1 + x (1 - s)) with s = logistic(x).
template <class T>
[[gnu::always_inline]] inline vec<T> silu_gradient(vec<T> x, vec<T> dy) {
    const vec<T> s = logistic<T>(x);
    return dy * s * (T(1) + x * (T(1) - s));
}

/// The first `count` < width numbers; the other lanes are zero.
template <class T>
inline vec<T> load_some(const T* from, std::size_t count) {
    vec<T> v{};
    std::memcpy(&v, from, count * sizeof(T));
    return v;
}

template <class T>
inline void store_some(T* to, vec<T> v, std::size_t count) {
    std::memcpy(to, &v, count * sizeof(T));
}

/// The lanes of v brought together by f(vec, vec), by halves.
template <class T, class F>
[[gnu::always_inline]] inline T fold_lanes(vec<T> v, F&& f) {
    unrolled<std::bit_width(width<T>) - 1>([&](auto level) __attribute__((always_inline)) {
        constexpr std::size_t half = width<T> / (std::size_t{2} << decltype(level)::value);
        const auto turned = [&]<std::size_t... I>(std::index_sequence<I...>)
            __attribute__((always_inline)) {
            return __builtin_shufflevector(v, v, ((I + half) % width<T>)...);
        };
        v = f(v, turned(std::make_index_sequence<width<T>>{}));
    });
    return v[0];
}

/// The sum of f(in[i]...) over all i, of whole vectors first and then of single numbers: f takes
/// either.
template <class T, class F, class... In>
[[gnu::always_inline]] inline T sum_over(std::size_t count, F&& f, const In*... in) {
    vec<T> sums{};
    std::size_t i = 0;
    for (; i + width<T> <= count; i += width<T>) sums += f(load<T>(in + i)...);
    T sum = fold_lanes<T>(sums, [](vec<T> a, vec<T> b) { return a + b; });
    for (; i < count; ++i) sum += f(in[i]...);
    return sum;
}

/// out[i] = f(in[i]...) for vectors of elements. The bits of an element do not depend on its place.
/// `out` may be one of the inputs.
template <class T, class F, class... In>
[[gnu::always_inline]] inline void transform(std::size_t count, T* out, F&& f, const In*... in) {
    std::size_t i = 0;
    for (; i + width<T> <= count; i += width<T>) store<T>(out + i, f(load<T>(in + i)...));
    if (i < count) store_some<T>(out + i, f(load_some<T>(in + i, count - i)...), count - i);
}

/// Sums over pixels of `Count` vectors of channels: term(p, sums) adds those of pixel p. Pairs of
/// pixels go to two running sums, whose additions do not wait for each other, and 64 pixels are
/// summed before they are added to the rest, so that rounding errors stay small in float.
template <class T, std::size_t Count, class Term>
[[gnu::always_inline]] inline std::array<vec<T>, Count> pixel_sums(std::size_t pixels,
                                                                   const Term& term) {
    std::array<vec<T>, Count> total{};
    for (std::size_t first = 0; first < pixels; first += 64) {
        const std::size_t last = std::min(first + 64, pixels);
        std::array<vec<T>, Count> even{}, odd{};
        std::size_t p = first;
        for (; p + 2 <= last; p += 2) {
            term(p, even);
            term(p + 1, odd);
        }
        if (p < last) term(p, even);
        for (std::size_t i = 0; i < Count; ++i) total[i] += even[i] + odd[i];
    }
    return total;
}

/// The channels of a pixel, vector after vector.
///
/// The last vector is moved back to end with the last channel. `Partial`: there are fewer channels
/// than a vector has.
template <class T, bool Partial>
struct channel_block {
    std::size_t channels, first;

    vec<T> load(const T* row) const {
        if constexpr (Partial) return load_some<T>(row + first, channels);
        else return detail::load<T>(row + first);
    }
    void store(T* row, vec<T> v) const {
        if constexpr (Partial) store_some<T>(row + first, v, channels);
        else detail::store<T>(row + first, v);
    }
};

/// Calls f(block) for blocks of channels that cover all of them.
template <class T, class F>
[[gnu::always_inline]] inline void for_channels(std::size_t channels, F&& f) {
    if (channels < width<T>) {
        f(channel_block<T, true>{channels, 0});
    } else {
        for_vectors<T>(channels, [&](std::size_t first) {
            f(channel_block<T, false>{channels, first});
        });
    }
}

}  // namespace diffusion::nn::detail
