#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/vector_exp.hpp>
#include <utility>

/// Loops that apply functions of whole vectors, such as `exp`, to arrays.
namespace diffusion::nn::detail {

/// The lanes of v brought together by f(vec, vec), by halves.
template <class T, class F>
DIFFUSION_INLINE inline T fold_lanes(vec<T> v, F&& f) {
    unrolled<std::bit_width(width<T>) - 1>([&](auto level) DIFFUSION_INLINE {
        constexpr std::size_t half = width<T> / (std::size_t{2} << decltype(level)::value);
        const auto turned = [&]<std::size_t... I>(std::index_sequence<I...>) DIFFUSION_INLINE {
            return __builtin_shufflevector(v, v, ((I + half) % width<T>)...);
        };
        v = f(v, turned(std::make_index_sequence<width<T>>{}));
    });
    return v[0];
}

/// The sum of f(in[i]...) over all i, of whole vectors first and then of single numbers: f takes
/// either.
template <class T, class F, class... In>
DIFFUSION_INLINE inline T sum_over(std::size_t count, F&& f, const In*... in) {
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
DIFFUSION_INLINE inline void transform(std::size_t count, T* out, F&& f, const In*... in) {
    std::size_t i = 0;
    for (; i + width<T> <= count; i += width<T>) store<T>(out + i, f(load<T>(in + i)...));
    if (i < count) store_some<T>(out + i, f(load_some<T>(in + i, count - i)...), count - i);
}

/// An operation's share of a gradient: out[i] = f(in[i]...) if it is the `first`, else that is
/// added.
template <class T, class F, class... In>
DIFFUSION_INLINE inline void transform_share(bool first, std::size_t count, T* out, F&& f,
                                             const In*... in) {
    if (first) return transform(count, out, f, in...);
    transform(
        count, out, [&](vec<T> before, auto... v) { return before + f(v...); },
        static_cast<const T*>(out), in...);
}

/// Sums over pixels of `Count` vectors of channels: term(p, sums) adds those of pixel p. Pairs of
/// pixels go to two running sums, whose additions do not wait for each other, and 64 pixels are
/// summed before they are added to the rest, so that rounding errors stay small in float.
template <class T, std::size_t Count, class Term>
DIFFUSION_INLINE inline std::array<vec<T>, Count> pixel_sums(std::size_t pixels, const Term& term) {
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
DIFFUSION_INLINE inline void for_channels(std::size_t channels, F&& f) {
    if (channels < width<T>) {
        f(channel_block<T, true>{channels, 0});
    } else {
        for (const std::size_t first : vector_offsets<T>(channels))
            f(channel_block<T, false>{channels, first});
    }
}

}  // namespace diffusion::nn::detail
