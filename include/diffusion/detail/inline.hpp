#pragma once

/// DIFFUSION_INLINE before a function, or after the parameters of a lambda: its callers must not
/// call it, because its arguments live in registers. Compilers judge by size, and the kernels here
/// are large; a call of theirs would put every vector into memory. Without optimisation it is a
/// function like any other, which compiles in a fraction of the time and can be stepped into.
#if defined(__OPTIMIZE__) && (defined(__GNUC__) || defined(__clang__))
#define DIFFUSION_INLINE __attribute__((always_inline))
#else
#define DIFFUSION_INLINE
#endif
