#pragma once

#include <diffusion/detail/inline.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

/// The vectors that the fast kernels are written in.
///
/// GCC and Clang know arithmetic on `vector_size` types and choose the instructions by -march: 64
/// bytes with AVX-512, 32 with AVX, 16 with SSE2 and everywhere else. Multiplication and addition
/// are contracted to one fused instruction where the machine has it.
namespace diffusion::nn::detail {

#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
inline constexpr std::size_t vector_registers = 32;
#elif defined(__AVX__)
inline constexpr std::size_t vector_bytes = 32;
inline constexpr std::size_t vector_registers = 16;
#else
inline constexpr std::size_t vector_bytes = 16;
inline constexpr std::size_t vector_registers = 16;
#endif

/// Bytes that come from memory together.
inline constexpr std::size_t cache_line = 64;

/// Numbers of type T in one vector.
template <class T>
inline constexpr std::size_t width = vector_bytes / sizeof(T);

template <class T>
struct vector_of {
    typedef T type __attribute__((vector_size(vector_bytes)));
};

/// One register of `width<T>` numbers; the operators work lane by lane.
template <class T>
using vec = typename vector_of<T>::type;

template <class T>
DIFFUSION_INLINE inline vec<T> load(const T* from) {
    vec<T> v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

template <class T>
DIFFUSION_INLINE inline void store(T* to, vec<T> v) {
    __builtin_memcpy(to, &v, sizeof v);
}

/// The first `count` < width numbers; the other lanes are zero.
template <class T>
inline vec<T> load_some(const T* from, std::size_t count) {
    vec<T> v{};
    __builtin_memcpy(&v, from, count * sizeof(T));
    return v;
}

template <class T>
inline void store_some(T* to, vec<T> v, std::size_t count) {
    __builtin_memcpy(to, &v, count * sizeof(T));
}

/// Keeps v in a register from here on. Compilers like to fetch a number once more from memory, or
/// to compute ahead what only one of several branches wants; where loads or registers are scarce
/// that costs more than it saves.
template <class V>
DIFFUSION_INLINE inline void in_register(V& v) {
#if defined(__SSE2__)
    asm("" : "+v"(v));
#else
    (void)v;
#endif
}

/// A cache to bring numbers to: the first is for what is used at once, and only the second holds
/// what is still waited for, and has room for many requests to memory at a time.
enum class cache { first, second };

/// Asks for the cache lines of `count` numbers that will be read soon, or written. The address may
/// lie beyond the end of an array: nothing is read then.
template <cache Level, class T>
DIFFUSION_INLINE inline void prefetch(const T* from, std::size_t count) {
    for (std::size_t i = 0; i < count; i += cache_line / sizeof(T))
        __builtin_prefetch(from + i, 0, Level == cache::first ? 3 : 2);
}

/// Asks for the piece numbered `piece` of `pieces` of some numbers that the next stage of some work
/// begins with, and which can come while this one computes.
template <class T>
inline void prefetch_piece(std::span<const T> all, std::size_t piece, std::size_t pieces) {
    const std::size_t first = all.size() * piece / pieces;
    prefetch<cache::second>(all.data() + first, all.size() * (piece + 1) / pieces - first);
}

/// Brings numbers into the caches by reading them in order, which the processor sees and runs ahead
/// of: three times as fast as the first reads of a window that jumps from row to row.
template <class T>
inline void fetch_in_order(std::span<const T> all) {
    for (std::size_t i = 0; i < all.size(); i += cache_line / sizeof(T))
        [[maybe_unused]] const T seen = *static_cast<const volatile T*>(all.data() + i);
}

/// The sum of the lanes, by halves.
template <class T>
inline T sum_of(vec<T> v) {
    T lanes[width<T>];
    store(lanes, v);
    for (std::size_t half = width<T> / 2; half > 0; half /= 2)
        for (std::size_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    return lanes[0];
}

/// n rounded up to whole vectors.
template <class T>
constexpr std::size_t whole_vectors(std::size_t n) {
    return (n + width<T> - 1) / width<T> * width<T>;
}

/// f(0), f(1), ..., f(Count - 1) with constants for arguments: a loop without a loop, so that an
/// array of vectors that is indexed by them lives in registers.
template <std::size_t Count, class Function>
DIFFUSION_INLINE inline void unrolled(Function&& f) {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) DIFFUSION_INLINE {
        (f(std::integral_constant<std::size_t, Index>{}), ...);
    }
    (std::make_index_sequence<Count>{});
}

/// The channel offsets c whose vectors [c, c + width) cover [0, count), count >= width: `for (c :
/// vector_offsets<T>(count))`. The last vector is moved back to end at `count` and may repeat some
/// channels of the one before.
template <class T>
class vector_offsets {
public:
    explicit vector_offsets(std::size_t count) : last_(count - width<T>) {}

    struct sentinel {};
    struct iterator {
        std::size_t at, last;
        std::size_t operator*() const { return at; }
        iterator& operator++() {
            at = at < last ? std::min(at + width<T>, last) : last + 1;
            return *this;
        }
        bool operator!=(sentinel) const { return at <= last; }
    };
    iterator begin() const { return {0, last_}; }
    sentinel end() const { return {}; }

private:
    std::size_t last_;
};

}  // namespace diffusion::nn::detail
