#pragma once

/// DIFFUSION_INLINE before a function, or after the parameters of a lambda: it is copied into its
/// callers, whatever its size, because its arguments live in registers and a call would put every
/// vector into memory. Without optimisation it is a function like any other, which compiles in a
/// fraction of the time and can be stepped into.
#if defined(__OPTIMIZE__)
#define DIFFUSION_INLINE __attribute__((always_inline))
#else
#define DIFFUSION_INLINE
#endif
