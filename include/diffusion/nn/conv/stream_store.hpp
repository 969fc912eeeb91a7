#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>

/// Stores that go past the caches, for what is read so much later that it would not be there any
/// more. An ordinary store first fetches the old contents of its cache line, and drives out others
/// that are still wanted.
namespace diffusion::nn::detail {

/// Whether `stream` may write from here on.
template <class T>
bool on_vector_boundary(const T* to) {
    return reinterpret_cast<std::uintptr_t>(to) % vector_bytes == 0;
}

/// *to = v; an ordinary store where the processor or the compiler has no other.
template <class T>
DIFFUSION_INLINE inline void stream(T* to, vec<T> v) {
#if defined(__clang__)
    __builtin_nontemporal_store(v, reinterpret_cast<vec<T>*>(to));
#else
    if constexpr (std::same_as<T, float>) {
#if defined(__AVX512F__)
        return __builtin_ia32_movntps512(to, v);
#elif defined(__AVX__)
        return __builtin_ia32_movntps256(to, v);
#elif defined(__SSE2__)
        return __builtin_ia32_movntps(to, v);
#endif
    }
    store(to, v);
#endif
}

/// After the last `stream`, before another thread is told that it may read.
inline void end_of_stream() {
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}

}  // namespace diffusion::nn::detail
