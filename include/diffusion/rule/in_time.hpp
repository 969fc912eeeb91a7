#pragma once
// L4: Euler's and Heun's methods in the time of the schedule.

#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// How fast a schedule's level changes with time, d alpha/dt and d sigma/dt.
struct level_rates {
    double alpha, sigma;
};

namespace detail {

/// The probability-flow ODE (Song et al. 2021, eq. 13; Karras et al. 2022, eq. 81) is linear in x
/// and D(x, t), dx/dt = p x + q D:   p = sigma'/sigma,   q = alpha' - alpha sigma'/sigma.
struct flow_slope {
    double p, q;

    flow_slope(const node& t, const level_rates& rates)
        : p(rates.sigma / t.sigma), q(rates.alpha - t.alpha * p) {
        require(t.sigma > 0, "diffusion::flow_slope", "sigma must be positive where a step begins",
                t.sigma);
    }
};

}  // namespace detail

/// Euler's method in t: x_s = x_t + (s - t) dx/dt, for a schedule and time of any kind. Unlike
/// `ddim` and `euler` it is not exact for constant x0-hat, and a step to clean data leaves some
/// noise. `rates` gives the level_rates at a node, for instance {0, 1} at every node of
/// edm_schedule, where it is `euler`. Order 1 in t, one evaluation a step.
template <class Rates>
struct euler_in_time {
    Rates rates;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const detail::flow_slope slope(seen[0], rates(seen[0]));
        const double h = s.t - seen[0].t;
        return {1 + h * slope.p, {h * slope.q}, 0};
    }
};
template <class Rates>
euler_in_time(Rates) -> euler_in_time<Rates>;

/// Heun's method in t (Karras et al. 2022, algorithm 1 with their general sigma(t) and s(t)): the
/// mean of the slopes at both ends,
///
///     y   = (1 + h p_t) x_t + h q_t D(x_t, t),                           h = s - t,
///     x_s = x_t + h/2 (p_t x_t + q_t D(x_t, t) + p_s y + q_s D(y, s)).
///
/// Order 2 in t. Two evaluations a step; one, of Euler's method, in a step to clean data. `heun`
/// and `flow_heun` are this in better times.
template <class Rates>
struct heun_in_time {
    Rates rates;
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::data;

    stages<2> operator()(const grid_step& step) const {
        const auto& [i, n, t, s] = step;
        const auto [a, b, c] = euler_in_time<const Rates&>{rates}(std::span<const node>(&t, 1), s);
        if (s.sigma == 0) return {1, {1, {}, 0}, {t}, {{{a, {b[0], 0}, 0}}}};
        const detail::flow_slope at_s(s, rates(s));
        const double h = s.t - t.t;
        // x_t + h/2 (p_t x_t + q_t D_t) is half of x_t and half of y.
        const gaussian_kernel<2> to_s{
            (1 + a + h * at_s.p * a) / 2, {(1 + h * at_s.p) * b[0] / 2, h * at_s.q / 2}, 0};
        return {2, {1, {}, 0}, {t, s}, {{{a, {b[0], 0}, 0}, to_s}}};
    }
};
template <class Rates>
heun_in_time(Rates) -> heun_in_time<Rates>;

}  // namespace diffusion
