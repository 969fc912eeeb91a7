#pragma once
// L3: how finely consistency training divides the noise levels as it goes on. Numbers only.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// What a consistency training asks at its step k: the number N(k) >= 2 of noise levels, and the
/// decay mu(k) of the average that makes the targets, 0: no average.
template <class C>
concept curriculum = requires(const C& plan, std::uint64_t k) {
    { plan.levels(k) } -> std::convertible_to<std::size_t>;
    { plan.decay(k) } -> std::convertible_to<double>;
};

namespace detail {

inline void require_level_counts(std::uint64_t total, std::size_t first, std::size_t last,
                                 const char* function) {
    require(total >= 1, function, "the training must have at least 1 step", total);
    require(first >= 2, function, "there must be at least 2 noise levels", first);
    require(last >= first, function, "the number of levels must not fall; it ends at", last);
}

inline void require_decay(double decay, const char* function) {
    require(decay >= 0 && decay < 1, function, "the decay must lie in [0, 1)", decay);
}

}  // namespace detail

/// The same at every step, as for distillation (Song et al. 2023, appendix C: 18 levels, 0.95).
struct constant_curriculum {
    std::size_t count = 18;
    double mu = 0.95;

    std::size_t levels(std::uint64_t) const {
        detail::require_level_counts(1, count, count, "diffusion::constant_curriculum");
        return count;
    }
    double decay(std::uint64_t) const {
        detail::require_decay(mu, "diffusion::constant_curriculum");
        return mu;
    }
};

/// Consistency training in K = total steps (Song et al. 2023, appendix C):
///
///     N(k) = ceil(sqrt(k/K ((s_1 + 1)^2 - s_0^2) + s_0^2) - 1) + 1,
///     mu(k) = exp(s_0 log(mu_0)/N(k)),
///
/// from N(0) = s_0 = first to N(K) = s_1 + 1, s_1 = last, where it stays.
struct consistency_curriculum {
    std::uint64_t total;
    std::size_t first = 2, last = 150;
    double mu = 0.9;

    std::size_t levels(std::uint64_t k) const {
        detail::require_level_counts(total, first, last, "diffusion::consistency_curriculum");
        const double s0 = static_cast<double>(first), s1 = static_cast<double>(last);
        const double part = static_cast<double>(std::min(k, total)) / static_cast<double>(total);
        // rounding must not lift a whole root over the ceiling
        const double root = std::sqrt(part * ((s1 + 1) * (s1 + 1) - s0 * s0) + s0 * s0);
        return static_cast<std::size_t>(std::ceil(root - 1 - 1e-9)) + 1;
    }
    double decay(std::uint64_t k) const {
        detail::require_decay(mu, "diffusion::consistency_curriculum");
        if (mu == 0) return 0;
        return std::exp(static_cast<double>(first) * std::log(mu) / static_cast<double>(levels(k)));
    }
};

/// Improved consistency training in K = total steps (Song and Dhariwal 2024, section 3.4):
///
///     N(k) = min(s_0 2^floor(k/K'), s_1) + 1,     K' = floor(K/(log2(floor(s_1/s_0)) + 1)),
///
/// s_0 = first, s_1 = last, and no average: the targets are the network's own (their section 3.2).
struct doubling_curriculum {
    std::uint64_t total;
    std::size_t first = 10, last = 1280;

    std::size_t levels(std::uint64_t k) const {
        detail::require_level_counts(total, first, last, "diffusion::doubling_curriculum");
        const double stages = std::log2(static_cast<double>(last / first)) + 1;
        const double stage = std::max(1.0, std::floor(static_cast<double>(total) / stages));
        const double doublings = std::floor(static_cast<double>(k) / stage);
        const double s1 = static_cast<double>(last);
        return static_cast<std::size_t>(
                   std::min(static_cast<double>(first) * std::exp2(doublings), s1)) +
               1;
    }
    double decay(std::uint64_t) const { return 0; }
};

}  // namespace diffusion
