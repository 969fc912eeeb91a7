#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>

namespace diffusion::nn::detail {

/// The square root of each lane, rounded to the nearest number: the same bits on every processor,
/// which the quick approximations of SSE and AVX are not.
///
/// std::sqrt may have to set errno, and is therefore called number by number.
template <class T>
DIFFUSION_INLINE inline vec<T> sqrt(vec<T> v) {
#if __has_builtin(__builtin_elementwise_sqrt)
    return __builtin_elementwise_sqrt(v);
#else
#if defined(__AVX512F__)
    constexpr int as_set = 4;  // the rounding mode
#if defined(__clang__)
    if constexpr (std::same_as<T, float>) return __builtin_ia32_sqrtps512(v, as_set);
    if constexpr (std::same_as<T, double>) return __builtin_ia32_sqrtpd512(v, as_set);
#else
    if constexpr (std::same_as<T, float>) return __builtin_ia32_sqrtps512_mask(v, v, -1, as_set);
    if constexpr (std::same_as<T, double>) return __builtin_ia32_sqrtpd512_mask(v, v, -1, as_set);
#endif
#elif defined(__AVX__)
    if constexpr (std::same_as<T, float>) return __builtin_ia32_sqrtps256(v);
    if constexpr (std::same_as<T, double>) return __builtin_ia32_sqrtpd256(v);
#elif defined(__SSE2__)
    if constexpr (std::same_as<T, float>) return __builtin_ia32_sqrtps(v);
    if constexpr (std::same_as<T, double>) return __builtin_ia32_sqrtpd(v);
#endif
    for (std::size_t l = 0; l < width<T>; ++l) v[l] = std::sqrt(v[l]);
    return v;
#endif
}

}  // namespace diffusion::nn::detail
