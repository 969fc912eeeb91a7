#pragma once
// Draws of states: each a pure function of (seed, address, element), by inversion of the
// distribution function at a uniform number. Pieces of an array, drawn in any order by any number
// of threads, are those of the whole.

#include <cstddef>
#include <cstdint>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/discrete/categorical_posterior.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>

namespace diffusion {

/// The state k with p_0 + ... + p_{k-1} <= u < p_0 + ... + p_k, for u in (0, 1); never one of
/// probability 0.
inline std::size_t draw_state(std::span<const double> p, double u) {
    std::size_t last = 0;
    for (std::size_t k = 0; k < p.size(); ++k) {
        if (!(p[k] > 0)) continue;
        last = k;
        u -= p[k];
        if (u < 0) break;
    }
    return last;
}

namespace detail {

/// Calls f(i, u_i) for i = 0 .. count - 1 with the uniform numbers of elements first_element + i.
template <class F>
void each_uniform(std::size_t count, std::uint64_t seed, const noise_address& where,
                  std::uint64_t first_element, F&& f) {
    constexpr std::size_t block = 256;
    double u[block];
    for (std::size_t i = 0; i < count; i += block) {
        const std::size_t n = count - i < block ? count - i : block;
        fill_uniform(std::span<double>(u, n), seed, where, first_element + i);
        for (std::size_t k = 0; k < n; ++k) f(i + k, u[k]);
    }
}

}  // namespace detail

/// x_t ~ q(x_t | x_s), for each element on its own: x_t[i] is a function of x_s[i], seed, `where`
/// and first_element + i. x_t may be x_s. Throws std::invalid_argument for a state that the kernel
/// does not have.
template <categorical_kernel Q>
void q_sample(const Q& kernel, std::span<const std::size_t> x_s, std::span<std::size_t> x_t,
              std::uint64_t seed, const noise_address& where, std::uint64_t first_element = 0) {
    constexpr const char* function = "diffusion::q_sample";
    const std::size_t K = kernel.categories();
    detail::require(x_t.size() == x_s.size(), function, "x_t must have the size of x_s",
                    x_t.size());
    for (const std::size_t state : x_s) detail::require_state(state, K, function);
    detail::each_uniform(x_s.size(), seed, where, first_element, [&](std::size_t i, double u) {
        const std::size_t from = x_s[i];
        std::size_t last = from;
        for (std::size_t k = 0; k < K; ++k) {  // draw_state, without the row in memory
            const double p = kernel(from, k);
            if (!(p > 0)) continue;
            last = k;
            u -= p;
            if (u < 0) break;
        }
        x_t[i] = last;
    });
}

/// x_s ~ p_theta(x_s | x_t), for each element on its own, in place. `logits`: the network's of
/// p(x_0 | x_t), K for each element; overwritten. `scratch`: K numbers.
template <categorical_kernel Q>
void p_sample(const categorical_step<Q>& back, std::span<std::size_t> x, std::span<double> logits,
              std::span<double> scratch, std::uint64_t seed, const noise_address& where,
              std::uint64_t first_element = 0) {
    const std::size_t K = back.jump.categories();
    detail::require(logits.size() == x.size() * K, "diffusion::p_sample",
                    "there must be K logits for each element", logits.size());
    detail::each_uniform(x.size(), seed, where, first_element, [&](std::size_t i, double u) {
        const std::span<double> p_0 = logits.subspan(i * K, K);
        probabilities_of(std::span<const double>(p_0), p_0);
        p_theta(back, x[i], p_0, scratch);
        x[i] = draw_state(scratch, u);
    });
}

}  // namespace diffusion
