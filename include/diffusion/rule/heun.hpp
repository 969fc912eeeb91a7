#pragma once
// L4: Heun's method in sigma/alpha, and its family.

#include <cstddef>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

namespace detail {

/// An Euler step in rho from t to r, then one from t to s by (1 - weight) of the slope at t and
/// weight of that at r. There is no r in a step to clean data.
template <class R>
stages<2> two_slopes(const grid_step& step, const char* function, R&& r_of, double weight) {
    const auto& [i, n, t, s] = step;
    for (const node& end : {t, s})
        require(end.alpha > 0, function, "alpha must be positive at every node", end.alpha);
    const node r = s.sigma > 0 ? r_of() : s;
    return two_stages(t, r, s, exponential_noise_step(t, r, 0), exponential_noise_step(t, s, 0),
                      weight);
}

}  // namespace detail

/// Karras et al. 2022, algorithm 1: an Euler step of dx/dsigma = (x - D(x))/sigma, then the mean of
/// the slopes at both ends. Written for any schedule: with y = x/alpha and rho = sigma/alpha the
/// equation is dy/drho = eps-hat, so that
///
///     y_1 = (alpha_s/alpha_t) x_t + b eps-hat(x_t, t),     b = alpha_s (rho_s - rho_t),
///     x_s = (alpha_s/alpha_t) x_t + b/2 (eps-hat(x_t, t) + eps-hat(y_1, s)).
///
/// Order 2 in rho. Two evaluations a step, one in a step to clean data. Deterministic; `churned`
/// adds the noise of their algorithm 2. Throws std::invalid_argument where alpha = 0.
struct heun {
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::noise;

    stages<2> operator()(const grid_step& step) const {
        return detail::two_slopes(
            step, "diffusion::heun", [&] { return step.s; }, 0.5);
    }
};

/// The family of Karras et al. 2022, algorithm 3 (appendix D.2): the second slope is taken at the
/// share 0 < share <= 1 of the step,
///
///     y_r = y_t + (rho_r - rho_t) eps-hat(x_t, t),     rho_r = rho_t + share (rho_s - rho_t),
///     y_s = y_t + (rho_s - rho_t) ((1 - w) eps-hat(x_t, t) + w eps-hat(x_r, r)),  w = 1/(2 share).
///
/// share (their "alpha") = 1 is `heun`, 1/2 the midpoint method, 2/3 Ralston's. Order 2 in rho, two
/// evaluations a step, one in a step to clean data. Throws std::invalid_argument where alpha = 0,
/// and for a share outside (0, 1].
template <class Nodes>
struct second_slope {
    Nodes nodes;
    double share = 0.5;
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::noise;

    stages<2> operator()(const grid_step& step) const {
        constexpr const char* function = "diffusion::second_slope";
        detail::require(share > 0 && share <= 1, function, "share must lie in (0, 1]", share);
        const auto inside = [&] {
            const double rho_t = step.t.sigma / step.t.alpha, rho_s = step.s.sigma / step.s.alpha;
            return nodes(rho_t + share * (rho_s - rho_t));
        };
        return detail::two_slopes(step, function, inside, 0.5 / share);
    }
};
template <class Nodes>
second_slope(Nodes) -> second_slope<Nodes>;
template <class Nodes>
second_slope(Nodes, double) -> second_slope<Nodes>;

}  // namespace diffusion
