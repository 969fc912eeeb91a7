#pragma once
// L4: sampling with distilled networks, which map any level to the data at once: predict x_0, then
// add the noise of the next level again.

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// Multistep consistency sampling (Song et al. 2023, algorithm 1; latent consistency models, Luo et
/// al. 2023): x_s = alpha_s x0-hat + sigma_s z, nothing of x_t is kept. On a
/// `trigflow_schedule` it is sCM's sampler (Lu and Song 2025), on a flow grid stochastic flow
/// matching. The step of `exponential_adams` for eta = infinity.
///
/// A network that was distilled down to the level floor = sigma/alpha > 0, not to clean data, gives
/// x at that level, and less noise is missing: x_s = alpha_s x0-hat + sqrt(sigma_s^2 - (alpha_s
/// floor)^2) z; none at all where s is at the floor or below.
///
/// One evaluation a step. No noise in the step to clean data. Exact in distribution, with any
/// number of steps, for a network that maps x_t along the ODE to its end. One that was not
/// distilled, E[x_0 | x_t], loses variance in every step however short, so that there is no order
/// to speak of. Throws std::invalid_argument unless floor is finite and not negative.
struct consistency_sampling {
    double floor = 0;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node>, const node& s) const {
        detail::require(floor >= 0 && floor < std::numeric_limits<double>::infinity(),
                        "diffusion::consistency_sampling", "floor must be finite and not negative",
                        floor);
        const double least = s.alpha * floor;
        return {
            0, {s.alpha}, s.sigma > least ? std::sqrt((s.sigma - least) * (s.sigma + least)) : 0};
    }
};

/// Latent consistency models sample so; see also `with_boundary` and `lcm_times`.
using lcm = consistency_sampling;

/// Strategic stochastic sampling of trajectory consistency models (Zheng et al. 2024):
/// the network goes down to the time r = (1 - gamma) s, then x_s ~ q(x_s | x_r):
///
///     x_r = (sigma_r/sigma_t) x_t + (alpha_r - alpha_t sigma_r/sigma_t) x0-hat,
///     x_s = (alpha_s/alpha_r) x_r + sqrt(sigma_s^2 - (sigma_r alpha_s/alpha_r)^2) z.
///
/// gamma = 0 is DDIM, gamma = 1 adds nearly all noise anew. For an integer s of a discrete schedule
/// r is rounded down to one. One evaluation a step; no noise in a step to clean data or to t_min,
/// where theirs end. Exact in distribution for a network that leads along the ODE from t to r;
/// order 1 with gamma = 0 for others. Throws std::invalid_argument for gamma outside [0, 1], and
/// where a node of the grid is not the schedule's own at its time.
template <noise_schedule S>
struct tcd {
    S schedule;
    double gamma = 0.3;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        constexpr const char* function = "diffusion::tcd";
        detail::require(gamma >= 0 && gamma <= 1, function, "gamma must lie in [0, 1]", gamma);
        if (s.sigma == 0) return detail::exponential_step(seen[0], s, 0);
        detail::require_own(schedule, s, function);
        double r = (1 - gamma) * s.t;
        if constexpr (discrete_noise_schedule<S>)
            if (s.t == std::floor(s.t)) r = std::floor(r);
        if (r < schedule.t_min()) r = schedule.t_min();
        return detail::exponential_step_beyond(seen[0], s,
                                               schedule(r).lambda - schedule(s.t).lambda);
    }
};
template <class S>
tcd(S) -> tcd<S>;
template <class S>
tcd(S, double) -> tcd<S>;

}  // namespace diffusion
