#pragma once

#include <cassert>

/// Checks `condition` where an exception would cost too much: inside a step of a sampler.
///
/// A failed check stops the program with the condition and `message`, a string literal. With NDEBUG
/// the condition is compiled but never evaluated. Define DIFFUSION_ASSERT before including any
/// header of the library, the same way in the whole program, to do something else (log, throw,
/// trap).
#ifndef DIFFUSION_ASSERT
#ifdef NDEBUG
#define DIFFUSION_ASSERT(condition, message) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#define DIFFUSION_ASSERT(condition, message) assert((condition) && (message))
#endif
#endif
