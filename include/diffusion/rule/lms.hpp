#pragma once
// L4: the linear multistep method in sigma.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// Adams-Bashforth of order K on dy/drho = eps, with y = x/alpha and rho = sigma/alpha (Karras et
/// al. 2022, eq. 4 with the noise schedule taken out; "LMS", Crowson 2022, k-diffusion):
///
///     x_s = (alpha_s/alpha_t) x_t + alpha_s sum_j [int_{rho_t}^{rho_s} l_j(rho) drho] eps-hat_j,
///
/// l_j the Lagrange basis on the last rho. Published for alpha = 1 with K = 4. Order K, one
/// evaluation a step; unlike in lambda also in the step to clean data. Starts itself with orders 1,
/// 2, ... Needs alpha > 0 at every node.
template <std::size_t K>
struct lms {
    static_assert(K >= 1 && K <= 4, "diffusion::lms: the order must lie in 1 .. 4");
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = prediction::noise;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const double rho_t = t.sigma / t.alpha, h = s.sigma / s.alpha - rho_t;
        std::array<double, K> u{};  // (rho - rho_t)/h
        std::size_t count = 0;
        while (count < seen.size() && count < K && seen[count].alpha > 0) {
            u[count] = (seen[count].sigma / seen[count].alpha - rho_t) / h;
            ++count;
        }
        gaussian_kernel<K> kernel{s.alpha / t.alpha, detail::adams_weights(u, count), 0};
        for (double& b : kernel.b) b *= s.alpha * h;
        return kernel;
    }
};

}  // namespace diffusion
