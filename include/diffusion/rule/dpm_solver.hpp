#pragma once
// L4: DPM-Solver++ as published.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// DPM-Solver++ 2M, the "midpoint" form that everybody uses (Lu et al. 2022b, algorithm 2):
///
///   x_s = a x_t + b (D_0 + (D_0 - D_1)/(2 r)) + c z,    r = (lambda_t - lambda_u)/h,
///
/// with a, b, c of the one-term exponential step, and u the node of D_1, seen before t. The exact
/// second-order weight of the difference D_0 - D_1 would be that of `exponential_adams<2>` (its
/// "heun" form); this one differs by a factor 1 + O(h), keeps order 2 and damps more. eta = 1 is
/// SDE-DPM-Solver++ 2M. The first step, and a step of infinite h, have order 1.
struct dpm_solver_pp_2m {
    double eta = 0;
    static constexpr std::size_t order = 2;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<2> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const gaussian_kernel<1> first = detail::exponential_step(t, s, eta);
        const double h = s.lambda - t.lambda;
        if (seen.size() < 2 || !std::isfinite(h)) return {first.a, {first.b[0], 0}, first.c};
        const double half_over_r =
            0.5 * h / (t.lambda - seen[1].lambda);  // 0 where D_1 stands at lambda = -inf
        return {first.a, {first.b[0] * (1 + half_over_r), -first.b[0] * half_over_r}, first.c};
    }
};

}  // namespace diffusion
