#pragma once
// Euler and Maruyama's method on the reverse of an SDE.

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/rule/rule.hpp>
#include <diffusion/sde/reverse_time.hpp>

namespace diffusion {

/// x_s = x_t + h (f x_t - (1 + eta^2)/2 g^2 score) + eta g sqrt(-h) z,  h = s - t < 0, with f, g
/// and score = (alpha x0-hat - x_t)/sigma^2 at t: the predictor that works for any SDE (Song et al.
/// 2021, section 4.1). eta as in `reverse_time`: 1 the reverse-time SDE, 0 Euler's method on the
/// probability-flow ODE.
///
/// The step to clean data is to x0-hat (Tweedie's formula), where the score is not finite. Order 1
/// in t (weak), one evaluation a step; marginals are transported in the limit of short steps only.
/// Throws std::invalid_argument for a grid that is not the SDE's, or runs from data to noise with
/// eta > 0.
template <linear_sde Sde>
struct euler_maruyama {
    Sde sde;
    double eta = 1;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        constexpr const char* function = "diffusion::euler_maruyama";
        const node& t = seen[0];
        detail::require_own(sde.marginal, t, function);
        if (s.sigma == 0) return {0, {s.alpha}, 0};
        const double h = s.t - t.t;
        const reverse_slope slope = reverse_time(sde, t.t, eta);
        detail::require(slope.noise == 0 || h < 0, function,
                        "with noise the time must fall; it rises by", h);
        const double per_x0 = h * slope.score / (t.sigma * t.sigma);
        return {1 + h * slope.x - per_x0,
                {per_x0 * t.alpha},
                slope.noise > 0 ? slope.noise * std::sqrt(-h) : 0};
    }
};
template <class Sde>
euler_maruyama(Sde) -> euler_maruyama<Sde>;
template <class Sde>
euler_maruyama(Sde, double) -> euler_maruyama<Sde>;

}  // namespace diffusion
