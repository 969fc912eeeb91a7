#pragma once
// L4: pseudo numerical methods that start themselves.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// DDIM's step on noise with the Adams-Bashforth weights of equal steps, whatever the grid (PLMS,
/// Liu et al. 2022; started with K = 1, 2, 3 as "iPNDM", Zhang and Chen 2023):
///
///     x_s = (alpha_s/alpha_t) x_t + (sigma_s - sigma_t alpha_s/alpha_t) sum_j w_j eps-hat_j,
///     w = (1), (3, -1)/2, (23, -16, 5)/12, (55, -59, 37, -9)/24.
///
/// Exact for constant eps-hat, but the weights take the steps for equal, in whatever variable:
/// order 1 for K = 1, else 2, on grids whose steps change smoothly (on others 1); Liu et al. prove
/// 2 for their method. What K = 3 and 4 gain is a smaller error where sigma/alpha is nearly linear
/// over the nodes. One evaluation a step. Needs alpha > 0 at every node. With the published starts:
/// `pndm`.
template <std::size_t K>
struct ipndm {
    static_assert(K >= 1 && K <= 4, "diffusion::ipndm: K must lie in 1 .. 4");
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = prediction::noise;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        const gaussian_kernel<1> first = detail::exponential_noise_step(seen[0], s, 0);
        std::array<double, K> u{};
        for (std::size_t k = 0; k < K; ++k) u[k] = -static_cast<double>(k);
        const std::size_t count = seen.size() < K ? seen.size() : K;
        gaussian_kernel<K> kernel{first.a, detail::adams_weights(u, count), 0};
        for (double& b : kernel.b) b *= first.b[0];
        return kernel;
    }
};

}  // namespace diffusion
