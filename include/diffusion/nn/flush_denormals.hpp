#pragma once

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace diffusion::nn {

/// Treats numbers below 1e-38 (float) as zero for the rest of a scope, in this thread, and restores
/// the processor's mode afterwards. Late in training many products are that small, and some
/// processors take a hundred cycles for each. Without effect on unknown processors.
class flush_denormals {
public:
#if defined(__SSE2__) || defined(_M_X64)
    flush_denormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040U); }  // FTZ and DAZ
    ~flush_denormals() {
        _mm_setcsr((_mm_getcsr() & ~0x8040U) | (before_ & 0x8040U));  // the flags raised since stay
    }

private:
    unsigned before_;
#elif defined(__aarch64__)
    flush_denormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (std::uint64_t{1} << 24)));
    }
    ~flush_denormals() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

private:
    std::uint64_t before_;
#else
    flush_denormals() {}
    ~flush_denormals() {}
#endif

public:
    flush_denormals(const flush_denormals&) = delete;
    flush_denormals& operator=(const flush_denormals&) = delete;
};

}  // namespace diffusion::nn
