#pragma once
// L0: one vector register of numbers, as a type with + - * / & | ^ << >> for each lane.
//
// These are the vector types that GCC and Clang share ("vector extensions"). Code written with them
// reads like scalar code and is fast without trust in an auto-vectoriser; how many lanes there are
// never changes a result.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#else
#include <cmath>
#endif

// Everything that knows how wide a register is stands in a namespace named after the width. Else a
// program whose files are compiled for different machines (-mavx2 for some of them) would have two
// classes of one name and two sizes, of which the linker mixes the functions.
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define DIFFUSION_REGISTER_BYTES 64
#define DIFFUSION_LANES lanes_64
#elif defined(__AVX2__)
#define DIFFUSION_REGISTER_BYTES 32
#define DIFFUSION_LANES lanes_32
#else
#define DIFFUSION_REGISTER_BYTES 16
#define DIFFUSION_LANES lanes_16
#endif

namespace diffusion::detail {
inline namespace DIFFUSION_LANES {

static_assert(std::endian::native == std::endian::little,
              "diffusion: the order of random words in memory assumes a little-endian machine");

template <class T>
struct register_of;
template <>
struct register_of<float> {
    typedef float type __attribute__((vector_size(DIFFUSION_REGISTER_BYTES)));
};
template <>
struct register_of<double> {
    typedef double type __attribute__((vector_size(DIFFUSION_REGISTER_BYTES)));
};
template <>
struct register_of<std::int32_t> {
    typedef std::int32_t type __attribute__((vector_size(DIFFUSION_REGISTER_BYTES)));
};
template <>
struct register_of<std::uint32_t> {
    typedef std::uint32_t type __attribute__((vector_size(DIFFUSION_REGISTER_BYTES)));
};
template <>
struct register_of<std::uint64_t> {
    typedef std::uint64_t type __attribute__((vector_size(DIFFUSION_REGISTER_BYTES)));
};

/// A register full of T.
template <class T>
using lanes = typename register_of<T>::type;

/// How many T it holds.
template <class T>
inline constexpr std::size_t lane_count = DIFFUSION_REGISTER_BYTES / sizeof(T);

#undef DIFFUSION_REGISTER_BYTES

template <class T>
lanes<T> load(const T* from) {
    lanes<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class T>
void store(T* to, const lanes<T>& v) {
    std::memcpy(to, &v, sizeof v);
}

/// first, first + stride, first + 2 stride, ... in lanes 0, 1, 2, ...
template <class T>
lanes<T> arithmetic_sequence(T first, T stride) {
    T values[lane_count<T>];
    for (std::size_t i = 0; i < lane_count<T>; ++i) values[i] = first + static_cast<T>(i) * stride;
    return load(values);
}

/// The 64-bit products of the lower halves of the lanes. Every x86 has one instruction for it,
/// which Clang recognises and GCC 12 does not: it multiplies all 64 bits, at three times the price.
inline lanes<std::uint64_t> product_of_lower_halves(lanes<std::uint64_t> a,
                                                    lanes<std::uint64_t> b) {
    using words = lanes<std::uint64_t>;
    [[maybe_unused]] typedef int halves __attribute__((vector_size(sizeof(words))));
#if !defined(__clang__) && defined(__AVX512F__) && defined(__AVX512DQ__)
    typedef long long unused __attribute__((vector_size(sizeof(words))));
    return (words)__builtin_ia32_pmuludq512_mask((halves)a, (halves)b, unused{},
                                                 static_cast<unsigned char>(0xFF));
#elif !defined(__clang__) && defined(__AVX2__)
    return (words)__builtin_ia32_pmuludq256((halves)a, (halves)b);
#elif !defined(__clang__) && defined(__SSE2__)
    return (words)__builtin_ia32_pmuludq128((halves)a, (halves)b);
#else
    constexpr std::uint64_t lower = 0xFFFFFFFFu;
    return (a & lower) * (b & lower);
#endif
}

/// The upper half of each lane in its lower half (and the lower in the upper): a shuffle, which on
/// x86 does not wait for the unit that multiplies, as a shift would.
inline lanes<std::uint64_t> halves_swapped(lanes<std::uint64_t> v) {
    const auto halves = std::bit_cast<lanes<std::uint32_t>>(v);
    return [&]<std::size_t... k>(std::index_sequence<k...>) {
        return std::bit_cast<lanes<std::uint64_t>>(
            __builtin_shufflevector(halves, halves, static_cast<int>(k ^ 1)...));
    }
    (std::make_index_sequence<lane_count<std::uint32_t>>{});
}

/// Replaces n numbers, a multiple of 4, by their square roots, correctly rounded. (std::sqrt may
/// set errno, which keeps compilers from vectorising it.)
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

}  // namespace DIFFUSION_LANES
}  // namespace diffusion::detail
