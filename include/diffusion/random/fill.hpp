#pragma once
// L0: normal and uniform numbers as a pure function of (seed, stream, step, sub_draw, element).

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/box_muller.hpp>
#include <diffusion/random/lanes.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/random/words.hpp>

namespace diffusion::detail {
inline namespace DIFFUSION_LANES {

/// Box-Muller pairs of a group: words 0 and 2 of a counter are radii, words 1 and 3 the angles that
/// go with them.
inline constexpr std::size_t group_pairs = group_elements / 2;

/// Position of pair p's radius word, and of its cosine element, in the group. Angle word and sine
/// element stand 16 behind.
constexpr std::size_t pair_position(std::size_t p) {
    return p + p / group_counters * group_counters;
}

// A radius word r divides (0, 1) into 2^32 cells: u = (r + 1/2) / 2^32 in float, and in double a
// second word divides the cell again. Below, y = u or u - 1, whichever is nearer to 0, as
// minus_two_log wants it: the bits of r are inverted where its uppermost bit is set, so that 1 - u
// is as exact as u.
//
// An angle word a is a turn of (a + 1/2) / 2^32, taken as x quarter turns from the nearest of the 4
// quadrants.

/// An integer w < 2^52 as a double: placed where an ulp is 1.
inline lanes<double> exact(lanes<std::uint64_t> w) {
    using math = normal_math<double>;
    return std::bit_cast<lanes<double>>(w | math::integer_bits) - math::integer_offset;
}

inline lanes<float> radius_argument(lanes<std::uint32_t> r) {
    const auto inverted = std::bit_cast<lanes<std::int32_t>>(r) >> 31;
    const auto distance = std::bit_cast<lanes<std::int32_t>>(r) ^ inverted;
    const lanes<float> v = (__builtin_convertvector(distance, lanes<float>) + 0.5f) * 0x1p-32f;
    return std::bit_cast<lanes<float>>(std::bit_cast<lanes<std::uint32_t>>(v) | (r & 0x80000000u));
}

inline lanes<double> radius_argument(lanes<std::uint64_t> r, lanes<std::uint64_t> refinement) {
    const lanes<std::uint64_t> sign = r >> 31;
    const lanes<std::uint64_t> inverted = 0 - sign;
    const lanes<double> high = exact((r ^ inverted) & std::uint64_t{0x7FFFFFFFu});
    const lanes<double> low = exact((refinement ^ inverted) & std::uint64_t{0xFFFFFFFFu});
    const lanes<double> v = (high * 0x1p32 + (low + 0.5)) * 0x1p-64;
    return std::bit_cast<lanes<double>>(std::bit_cast<lanes<std::uint64_t>>(v) | (sign << 63));
}

inline lanes<float> quarter_turns(lanes<std::uint32_t> a) {
    const auto part = std::bit_cast<lanes<std::int32_t>>(a << 2) >> 2;
    return __builtin_convertvector(2 * part + 1, lanes<float>) * 0x1p-31f;
}

inline lanes<double> quarter_turns(lanes<std::uint64_t> a, lanes<std::uint64_t> refinement) {
    const lanes<double> high = exact((a + std::uint64_t{1u << 29}) & std::uint64_t{(1u << 30) - 1});
    return ((high - 0x1p29) * 0x1p32 + (exact(refinement) + 0.5)) * 0x1p-62;
}

template <class Word>
lanes<Word> quadrant(lanes<Word> a) {
    return ((a + Word{1u << 29}) >> 30) & Word{3};
}

/// Below this radius word, u < 2^-16, the cells of 32 bits become coarse: float takes the second
/// word there as well.
inline constexpr std::uint32_t tail_words = 1u << 16;

/// Refines the radii in the tail, found in one group of 2000.
[[gnu::cold, gnu::noinline]] inline void refine_tail(const word_sequence& sequence,
                                                     std::uint64_t group,
                                                     const std::uint32_t* words, float* y) {
    std::uint32_t low[group_elements];
    sequence.group(group, word_kind::normal_refinement, low);
    for (std::size_t p = 0; p < group_pairs; ++p) {
        const std::size_t i = pair_position(p);
        if (words[i] < tail_words)
            y[p] = static_cast<float>((words[i] * 0x1p32 + (low[i] + 0.5)) * 0x1p-64);
    }
}

inline void normal_group(const word_sequence& sequence, std::uint64_t group, float* z) {
    constexpr std::size_t step = lane_count<float>;
    const normal_lanes<float> math;
    std::uint32_t words[group_elements];
    sequence.group(group, word_kind::normal, words);

    float radius[group_pairs];
    auto tail = lanes<std::uint32_t>{} != 0u;
    for (std::size_t p = 0; p < group_pairs; p += step) {
        const lanes<std::uint32_t> r = load(words + pair_position(p));
        tail |= r < tail_words;
        store(radius + p, radius_argument(r));
    }
    std::uint64_t any_tail = 0;
    std::uint64_t masks[lane_count<std::uint64_t>];
    store(masks, std::bit_cast<lanes<std::uint64_t>>(tail));
    for (const std::uint64_t mask : masks) any_tail |= mask;
    if (any_tail != 0) refine_tail(sequence, group, words, radius);

    for (std::size_t p = 0; p < group_pairs; p += step)
        store(radius + p, math.minus_two_log(load(radius + p)));
    square_roots(radius, group_pairs);
    for (std::size_t p = 0; p < group_pairs; p += step) {
        const std::size_t i = pair_position(p);
        const lanes<std::uint32_t> a = load(words + i + group_counters);
        math.polar(load(radius + p), quarter_turns(a), quadrant<std::uint32_t>(a), z + i,
                   z + i + group_counters);
    }
}

inline void normal_group(const word_sequence& sequence, std::uint64_t group, double* z) {
    constexpr std::size_t step = lane_count<double>;
    const normal_lanes<double> math;
    std::uint64_t words[group_elements], low[group_elements];
    sequence.group(group, word_kind::normal, words);
    sequence.group(group, word_kind::normal_refinement, low);

    double radius[group_pairs];
    for (std::size_t p = 0; p < group_pairs; p += step) {
        const std::size_t i = pair_position(p);
        store(radius + p, math.minus_two_log(radius_argument(load(words + i), load(low + i))));
    }
    square_roots(radius, group_pairs);
    for (std::size_t p = 0; p < group_pairs; p += step) {
        const std::size_t i = pair_position(p);
        const lanes<std::uint64_t> a = load(words + i + group_counters);
        math.polar(load(radius + p), quarter_turns(a, load(low + i + group_counters)),
                   quadrant<std::uint64_t>(a), z + i, z + i + group_counters);
    }
}

inline void uniform_group(const word_sequence& sequence, std::uint64_t group, float* u) {
    std::uint32_t words[group_elements];
    sequence.group(group, word_kind::uniform, words);
    for (std::size_t i = 0; i < group_elements; i += lane_count<float>) {
        const auto cell = std::bit_cast<lanes<std::int32_t>>(load(words + i) >> 9);
        store(u + i, (__builtin_convertvector(cell, lanes<float>) + 0.5f) * 0x1p-23f);
    }
}

inline void uniform_group(const word_sequence& sequence, std::uint64_t group, double* u) {
    std::uint64_t words[group_elements], low[group_elements];
    sequence.group(group, word_kind::uniform, words);
    sequence.group(group, word_kind::uniform_refinement, low);
    for (std::size_t i = 0; i < group_elements; i += lane_count<double>) {
        // 52 of the 64 bits, and a half; the product is exact, so is the sum
        store(u + i, (exact((load(words + i) << 20) | (load(low + i) >> 12)) + 0.5) * 0x1p-52);
    }
}

/// std::min without <algorithm>, a fifth of the core's include time.
template <class T>
constexpr T smaller(T a, T b) {
    return b < a ? b : a;
}

/// Fills `out` with elements first_element, first_element + 1, ... Whole groups only are ever
/// computed, and a part of one is copied: no element depends on where a range begins or ends.
template <class T, class Group>
void fill_groups(std::span<T> out, std::uint64_t first_element, Group&& make_group) {
    std::uint64_t group = first_element / group_elements;
    std::size_t skipped = static_cast<std::size_t>(first_element % group_elements);
    while (!out.empty()) {
        const std::size_t n = smaller(out.size(), group_elements - skipped);
        if (n == group_elements) {
            make_group(group, out.data());
        } else {
            T whole[group_elements];
            make_group(group, whole);
            std::memcpy(out.data(), whole + skipped, n * sizeof(T));
        }
        out = out.subspan(n);
        skipped = 0;
        ++group;
    }
}

inline void require_elements_fit(const char* function, std::size_t size,
                                 std::uint64_t first_element) {
    require(size == 0 || first_element <= std::numeric_limits<std::uint64_t>::max() - (size - 1),
            function, "first_element + size must not exceed 2^64; first_element", first_element);
}

}  // namespace DIFFUSION_LANES
}  // namespace diffusion::detail

namespace diffusion {
inline namespace DIFFUSION_LANES {

/// Fills z with independent standard normal numbers: z[i] is a function of (seed, stream, step,
/// sub_draw, first_element + i) and of nothing else.
///
/// Pieces of a sequence, drawn in any order by any number of threads, have the same bits as the
/// whole drawn at once, and neither compiler nor optimisation nor instruction set changes a bit.
/// `float` takes one 32-bit word per element (and a second one far out in the tail), `double`
/// refines the same word by a second one: both draw the same picture, |z_double - z_float| <= 2^-20
/// max(1, |z|). The largest |z| possible is 9.5. Throws std::invalid_argument if the elements go
/// beyond 2^64.
template <class T>
void fill_normal(std::span<T> z, std::uint64_t seed, const noise_address& where,
                 std::uint64_t first_element = 0) {
    static_assert(
        std::is_same_v<T, float> || std::is_same_v<T, double>,
        "diffusion::fill_normal: the elements must be float or double; draw into one of these "
        "and convert");
    detail::require_elements_fit("diffusion::fill_normal", z.size(), first_element);
    const detail::word_sequence sequence(seed, where);
    detail::fill_groups(z, first_element, [&](std::uint64_t group, T* out) {
        detail::normal_group(sequence, group, out);
    });
}

/// Fills u with independent numbers uniform in the open interval (0, 1): the middles of 2^23
/// (float) or 2^52 (double) equal cells, all exactly representable, never 0 or 1. Otherwise as
/// `fill_normal`, and independent of it at an equal address.
template <class T>
void fill_uniform(std::span<T> u, std::uint64_t seed, const noise_address& where,
                  std::uint64_t first_element = 0) {
    static_assert(
        std::is_same_v<T, float> || std::is_same_v<T, double>,
        "diffusion::fill_uniform: the elements must be float or double; draw into one of these "
        "and convert");
    detail::require_elements_fit("diffusion::fill_uniform", u.size(), first_element);
    const detail::word_sequence sequence(seed, where);
    detail::fill_groups(u, first_element, [&](std::uint64_t group, T* out) {
        detail::uniform_group(sequence, group, out);
    });
}

}  // namespace DIFFUSION_LANES
}  // namespace diffusion
