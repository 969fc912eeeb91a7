#pragma once
// L0: normal and uniform numbers as a pure function of (seed, stream, step, sub_draw, element).
//
// Layout. Two levels of Philox4x32-10 (philox.hpp), words least significant first:
//
//   1. the address picks a sequence       key = seed (2 words)    counter = (stream, sub_draw, step low, step high)
//                                         output = (a, b, c, d)
//   2. the element picks a number in it   key = (a, b)            counter = (n low, n high | kind << 30, c, d)
//
// Element e is word w = (e / 16) mod 4 of the counter n = 16 (e / 64) + e mod 16: 64 elements in a row are the four
// words of 16 counters, so that a vector unit stores its lanes side by side. n has 60 bits; `kind` keeps the words of
// normal and uniform numbers, and the second words of double-precision ones, apart.
//
// Nothing collides: level 1 is a bijection of the 128 bits (stream, sub_draw, step), so that with one seed two addresses
// differ in (a, b, c, d), and hence two (address, element) pairs in key or counter of level 2. All 64 bits of seed, step
// and element are used; elements end at 2^64, which is checked. (Another seed is another family of bijections; that two of
// its sequences coincide has probability 2^-128 each.)

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/box_muller.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/random/philox.hpp>

namespace diffusion {
namespace detail {

/// What the words of a counter are for, the upper two bits of n.
enum class word_kind : std::uint32_t { normal, normal_refinement, uniform, uniform_refinement };

/// Level 1 of the layout.
struct word_sequence {
    philox_key key;
    std::uint32_t upper[2];

    word_sequence(std::uint64_t seed, const noise_address& where) {
        const philox_block out = philox4x32(
            {static_cast<std::uint32_t>(where.stream), where.sub_draw,
             static_cast<std::uint32_t>(where.step), static_cast<std::uint32_t>(where.step >> 32)},
            {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
        key = {out[0], out[1]};
        upper[0] = out[2];
        upper[1] = out[3];
    }
};

/// The words of one group of elements: level 2 for 16 counters.
inline void group_words(const word_sequence& sequence, std::uint64_t group, word_kind kind,
                        std::uint32_t* words) {
    const std::uint64_t n = group * group_counters;
    const std::uint32_t high =
        static_cast<std::uint32_t>(n >> 32) | (static_cast<std::uint32_t>(kind) << 30);
    for (std::size_t i = 0; i < group_counters; ++i) {
        const philox_block word = philox4x32(
            {static_cast<std::uint32_t>(n + i), high, sequence.upper[0], sequence.upper[1]},
            sequence.key);
        for (std::size_t w = 0; w < 4; ++w) words[w * group_counters + i] = word[w];
    }
}

/// An integer below 2^32 as a double, by a conversion that every vector unit has.
inline double exact_double(std::uint32_t w) {
    return static_cast<double>(static_cast<std::int32_t>(w ^ 0x80000000u)) + 2147483648.0;
}

/// Elements of a group with this many leading zero bits or more in their radius word take the second word also in float:
/// so far out in the tail 32 bits are coarse.
inline constexpr std::uint32_t tail_words = 1u << 16;

/// The two uniform numbers of pair p from the words of radius and angle: the middle of the cell of width 2^-32.
inline void make_pair(uniform_pairs<float>& out, std::size_t p, std::uint32_t radius,
                      std::uint32_t angle) {
    const std::uint32_t upper_half = 0 - (radius >> 31);  // all ones where u >= 1/2
    const auto distance = static_cast<std::int32_t>(radius ^ upper_half);
    const float v = (static_cast<float>(distance) + 0.5f) * 0x1p-32f;
    out.y[p] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) | (upper_half & 0x80000000u));
    const auto part =
        static_cast<std::int32_t>(angle << 2) >> 2;  // signed: from the nearest quadrant
    out.x[p] = static_cast<float>(2 * part + 1) * 0x1p-31f;
    out.quadrant[p] = (angle + 0x20000000u) >> 30;
}

/// The same cell divided by a second word into 2^32.
inline void make_pair(uniform_pairs<double>& out, std::size_t p, std::uint32_t radius,
                      std::uint32_t angle, std::uint32_t radius_low, std::uint32_t angle_low) {
    const std::uint32_t upper_half = 0 - (radius >> 31);
    const auto distance = static_cast<std::int32_t>(radius ^ upper_half);
    const double v =
        (static_cast<double>(distance) * 0x1p32 + (exact_double(radius_low ^ upper_half) + 0.5)) *
        0x1p-64;
    const std::uint64_t sign = std::uint64_t{upper_half & 0x80000000u} << 32;
    out.y[p] = std::bit_cast<double>(std::bit_cast<std::uint64_t>(v) | sign);
    const auto part = static_cast<std::int32_t>(angle << 2) >> 2;
    out.x[p] = (static_cast<double>(part) * 0x1p32 + (exact_double(angle_low) + 0.5)) * 0x1p-62;
    out.quadrant[p] = (angle + 0x20000000u) >> 30;
}

/// Position of the radius word of pair p in the words of a group; its angle word stands 16 places behind.
constexpr std::size_t radius_position(std::size_t p) {
    return p + (p / group_counters) * group_counters;
}

inline void normal_group(const word_sequence& sequence, std::uint64_t group, float* z) {
    std::uint32_t words[group_elements];
    group_words(sequence, group, word_kind::normal, words);
    uniform_pairs<float> pairs;
    bool any_tail = false;
    for (std::size_t p = 0; p < group_pairs; ++p) {
        const std::size_t i = radius_position(p);
        make_pair(pairs, p, words[i], words[i + group_counters]);
        any_tail |= words[i] < tail_words;
    }
    if (any_tail) {
        std::uint32_t low[group_elements];
        group_words(sequence, group, word_kind::normal_refinement, low);
        for (std::size_t p = 0; p < group_pairs; ++p) {
            const std::size_t i = radius_position(p);
            if (words[i] < tail_words)
                pairs.y[p] = static_cast<float>((words[i] * 0x1p32 + (low[i] + 0.5)) * 0x1p-64);
        }
    }
    box_muller(pairs, z);
}

inline void normal_group(const word_sequence& sequence, std::uint64_t group, double* z) {
    std::uint32_t words[group_elements], low[group_elements];
    group_words(sequence, group, word_kind::normal, words);
    group_words(sequence, group, word_kind::normal_refinement, low);
    uniform_pairs<double> pairs;
    for (std::size_t p = 0; p < group_pairs; ++p) {
        const std::size_t i = radius_position(p);
        make_pair(pairs, p, words[i], words[i + group_counters], low[i], low[i + group_counters]);
    }
    box_muller(pairs, z);
}

inline void uniform_group(const word_sequence& sequence, std::uint64_t group, float* u) {
    std::uint32_t words[group_elements];
    group_words(sequence, group, word_kind::uniform, words);
    for (std::size_t i = 0; i < group_elements; ++i)
        u[i] = (static_cast<float>(static_cast<std::int32_t>(words[i] >> 9)) + 0.5f) * 0x1p-23f;
}

inline void uniform_group(const word_sequence& sequence, std::uint64_t group, double* u) {
    std::uint32_t words[group_elements], low[group_elements];
    group_words(sequence, group, word_kind::uniform, words);
    group_words(sequence, group, word_kind::uniform_refinement, low);
    for (std::size_t i = 0; i < group_elements; ++i) {
        const double high = exact_double(words[i]) * 0x1p20;  // 52 of the 64 bits, and a half
        u[i] =
            (high + (static_cast<double>(static_cast<std::int32_t>(low[i] >> 12)) + 0.5)) * 0x1p-52;
    }
}

/// Fills `out` with elements first_element, first_element + 1, ... Whole groups only are ever computed, and a part of one is
/// copied: no element depends on where a range begins or ends.
template <class T, class Group>
void fill_groups(std::span<T> out, std::uint64_t first_element, Group&& make_group) {
    std::uint64_t group = first_element / group_elements;
    std::size_t skipped = static_cast<std::size_t>(first_element % group_elements);
    while (!out.empty()) {
        const std::size_t n = std::min(out.size(), group_elements - skipped);
        if (n == group_elements) {
            make_group(group, out.data());
        } else {
            T whole[group_elements];
            make_group(group, whole);
            std::copy_n(whole + skipped, n, out.data());
        }
        out = out.subspan(n);
        skipped = 0;
        ++group;
    }
}

inline void require_elements_fit(const char* function, std::size_t size,
                                 std::uint64_t first_element) {
    require(size == 0 || first_element <= std::numeric_limits<std::uint64_t>::max() - (size - 1),
            function, "first_element + size must not exceed 2^64", first_element);
}

}  // namespace detail

/// Fills z with independent standard normal numbers: z[i] is a function of (seed, where, first_element + i), and of
/// nothing else; sigma_t and sigma_s are ignored.
///
/// Pieces of a sequence, drawn in any order by any number of threads, have the same bits as the whole drawn at once; the
/// bits also do not depend on compiler, optimisation or instruction set. `float` uses one 32-bit word per element (two in
/// the tail), `double` refines the same word by a second one: both draw the same picture to float precision.
/// Throws std::invalid_argument if the elements go beyond 2^64.
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

/// Fills u with independent numbers uniform in the open interval (0, 1), the middles of 2^23 (float) or 2^52 (double)
/// equal cells, exactly representable: neither 0 nor 1 occurs. Otherwise as `fill_normal`; the two are independent at equal
/// addresses.
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

}  // namespace diffusion
