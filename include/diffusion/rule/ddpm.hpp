#pragma once
// L4: DDPM's ancestral sampling.

#include <cstddef>
#include <span>

#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// x_s ~ p_theta(x_s | x_t): the posterior q(x_s | x_t, x_0) with x_0-hat for x_0, and one of two
/// fixed variances (Ho et al. 2020, algorithm 2, with steps of any length). With `small` this is
/// DDIM at eta = 1. With `large` the marginal variance is not transported; the paper found no
/// difference in quality at T = 1000. Order 1 (weak), one evaluation a step. No noise in the step
/// to clean data.
struct ddpm {
    reverse_variance variance = reverse_variance::small;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        return reverse_kernel(seen[0], s, variance);
    }
};

}  // namespace diffusion
