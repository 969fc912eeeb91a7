#pragma once
// L4: Heun's method in the time of the straight path.

#include <cstddef>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// Heun's method on dx/dt = u(x, t) = (x - x0-hat)/t of flow matching, the mean of the slopes at
/// both ends: x_s = x_t + (s - t) (u(x_t, t) + u(y, s))/2 with y = x_t + (s - t) u(x_t, t). Both
/// are Euler steps, which are DDIM's, and in the second one D(x_t, t) gives way to
///
///     (1 - w) D(x_t, t) + w D(y, s),     w = t/(2 s).
///
/// For any schedule: t = sigma/(alpha + sigma), and x/(alpha + sigma) for x, make it straight.
/// Order 2 in that t. Unlike `heun`, whose variable is sigma/alpha, it may start at alpha = 0. Two
/// evaluations a step, one in a step to clean data. Deterministic; `churned` adds noise. Throws
/// std::invalid_argument for a step that begins at clean data.
struct flow_heun {
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::data;

    stages<2> operator()(const grid_step& step) const {
        const auto& [i, n, t, s] = step;
        detail::require(t.sigma > 0, "diffusion::flow_heun",
                        "sigma must be positive where a step begins", t.sigma);
        const gaussian_kernel<1> to_s = detail::exponential_step(t, s, 0);
        const double t_by_s = t.sigma / s.sigma * ((s.alpha + s.sigma) / (t.alpha + t.sigma));
        return detail::two_stages(t, s, s, to_s, to_s, t_by_s / 2);
    }
};

}  // namespace diffusion
