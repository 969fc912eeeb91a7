#pragma once
// The forward process as a stochastic differential equation, dx = f(t) x dt + g(t) dw.

#include <cmath>
#include <concepts>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/rule/in_time.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// An SDE whose drift is linear in x (Song et al. 2021, eq. 5 and appendix B):
///
///     dx = f(t) x dt + g(t) dw,     q(x_t | x_0) = N(alpha_t x_0, sigma_t^2 I).
///
/// `marginal` is the noise schedule of alpha and sigma, `drift(t)` is f and `diffusion(t)` is g.
/// Semantics: they belong together, see `sde_of`; outside the schedule's interval all three throw
/// std::invalid_argument.
template <class S>
concept linear_sde = std::copy_constructible<S> && requires(const S& sde, double t) {
    requires noise_schedule<std::remove_cvref_t<decltype(sde.marginal)>>;
    { sde.drift(t) } -> std::same_as<double>;
    { sde.diffusion(t) } -> std::same_as<double>;
};

/// The SDE of any noise schedule that is smooth in time, given its rates of change: since the mean
/// follows alpha' = f alpha and the variance (sigma^2)' = 2 f sigma^2 + g^2 (Sarkka and Solin
/// 2019, eq. 5.50 and 5.51; Kingma et al. 2021, appendix D),
///
///     f = alpha'/alpha,     g^2 = 2 sigma (sigma' - f sigma) = -2 sigma^2 d lambda/dt.
///
/// `rates(n)` returns the `level_rates` at node n, as for `euler_in_time`. Throws
/// std::invalid_argument where alpha = 0 and where lambda rises, which no SDE can do.
template <noise_schedule Schedule, class Rates>
struct sde_of {
    Schedule marginal;
    Rates rates;

    double drift(double t) const {
        const node n = node_at(marginal, t);
        detail::require(n.alpha > 0, "diffusion::sde_of",
                        "the drift is not finite where alpha = 0; alpha must be positive", n.alpha);
        return level_rates(rates(n)).alpha / n.alpha;
    }
    double diffusion(double t) const {
        const node n = node_at(marginal, t);
        const double variance = 2 * n.sigma * (level_rates(rates(n)).sigma - drift(t) * n.sigma);
        detail::require(variance >= 0, "diffusion::sde_of",
                        "lambda must not rise with time, but g^2 is", variance);
        return std::sqrt(variance);
    }
};
template <class Schedule, class Rates>
sde_of(Schedule, Rates) -> sde_of<Schedule, Rates>;

/// The rates of a schedule whose SDE is known, alpha' = f alpha and sigma' = f sigma + g^2/(2
/// sigma): what `euler_in_time` and `heun_in_time` ask for.
template <linear_sde Sde>
struct rates_of {
    Sde sde;

    level_rates operator()(const node& n) const {
        const double f = sde.drift(n.t), g = sde.diffusion(n.t);
        return {f * n.alpha, f * n.sigma + g * g / (2 * n.sigma)};
    }
};
template <class Sde>
rates_of(Sde) -> rates_of<Sde>;

}  // namespace diffusion
