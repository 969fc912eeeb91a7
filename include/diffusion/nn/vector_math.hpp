#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <diffusion/nn/conv/simd.hpp>
#include <limits>
#include <type_traits>

/// exp, the logistic function and SiLU for whole vectors, and loops that apply such functions to
/// arrays.
namespace diffusion::nn::detail {

template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
    using integer = std::int32_t;
    static constexpr int bias = 127, fraction_bits = 23, degree = 7;
    static constexpr float lowest = -87.33654F;  // of the normal results
    static constexpr float highest = 88.72283F;
    static constexpr float ln2_high = 0.693359375F;  // 9 bits: times n it is exact
    static constexpr float ln2_low = -2.12194440e-4F;
};

template <>
struct exp_constants<double> {
    using integer = std::int64_t;
    static constexpr int bias = 1023, fraction_bits = 52, degree = 13;
    static constexpr double lowest = -708.3964185322641;
    static constexpr double highest = 709.782712893384;
    static constexpr double ln2_high = 0.693145751953125;  // 20 bits: times n it is exact
    static constexpr double ln2_low = 1.42860682030941723212e-6;
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

/// exp(x) in each lane, to about one unit in the last place; 0 where the result would be below the
/// smallest normal number, infinity above the largest.
///
/// x = n ln 2 + r with |r| <= ln(2)/2, exp(r) by its Taylor series (the first term left out is
/// below a rounding error), and 2^n is added to the exponent, in two halves, so that n = 128 does
/// not overflow before its time.
template <class T>
[[gnu::always_inline]] inline vec<T> exp(vec<T> x) {
    using c = exp_constants<T>;
    using integers = typename integers_of<T>::type;
    const integers low = x<c::lowest, high = x> c::highest;
    const vec<T> inside = bits_as<vec<T>>(bits_as<integers>(x) & ~(low | high));
    const integers sign =
        bits_as<integers>(inside) & std::numeric_limits<typename c::integer>::min();
    const vec<T> half = bits_as<vec<T>>(bits_as<integers>(vec<T>{} + T(0.5)) | sign);
    const integers n = __builtin_convertvector(inside * T(1.44269504088896340736) + half, integers);
    const vec<T> turns = __builtin_convertvector(n, vec<T>);
    const vec<T> r = (inside - turns * c::ln2_high) - turns * c::ln2_low;
    vec<T> sum = vec<T>{} + T(1);
#pragma GCC unroll 16
    for (int k = c::degree; k > 0; --k) sum = T(1) + sum * r * (T(1) / T(k));
    const integers first = n >> 1, second = n - first;
    const vec<T> y = sum * bits_as<vec<T>>((first + c::bias) << c::fraction_bits) *
                     bits_as<vec<T>>((second + c::bias) << c::fraction_bits);
    const integers infinite = bits_as<integers>(vec<T>{} + std::numeric_limits<T>::infinity());
    return bits_as<vec<T>>((bits_as<integers>(y) & ~(low | high)) | (infinite & high));
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

/// f of all lanes, by halves.
template <class T, class F>
[[gnu::always_inline]] inline T fold_lanes(vec<T> v, F&& f) {
    T lanes[width<T>];
    store(lanes, v);
    for (std::size_t half = width<T> / 2; half > 0; half /= 2)
        for (std::size_t l = 0; l < half; ++l) lanes[l] = f(lanes[l], lanes[l + half]);
    return lanes[0];
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
