#pragma once
// A chain of categorical steps from the data to noise.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/discrete/categorical_kernel.hpp>

namespace diffusion {

/// The forward process of T = `steps()` steps between `categories()` states: `process.kernel(s, t)`
/// is q(x_t | x_s) for 0 <= s <= t <= T, and `process.prior(i)` the probability of x_T = i that
/// sampling starts from.
/// Semantics: kernels compose, q(x_t | x_0) = sum over x_s of q(x_t | x_s) q(x_s | x_0), and the
/// prior is what q(x_T | x_0) comes close to. Model: `d3pm`, and whatever else has these members.
template <class P>
concept categorical_process = requires(const P& process, std::size_t s, std::size_t t) {
    { process.steps() } -> std::convertible_to<std::size_t>;
    { process.categories() } -> std::convertible_to<std::size_t>;
    { process.kernel(s, t) } -> categorical_kernel;
    { process.prior(s) } -> std::convertible_to<double>;
};

/// The kernel of a process.
template <categorical_process P>
using kernel_of = std::remove_cvref_t<decltype(std::declval<const P&>().kernel(0, 0))>;

}  // namespace diffusion
