#pragma once
// An SDE, run backwards: the reverse-time SDE, the probability-flow ODE, and all between them.

#include <cmath>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/sde/sde.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// dx = (x x_t + score grad log p_t(x_t)) dt + noise dw, at one time.
struct reverse_slope {
    double x, score, noise;
};

/// The process that has the marginals of the SDE in the other direction of time,
///
///     dx = (f x - (1 + eta^2)/2 g^2 grad log p_t(x)) dt + eta g dw,      dt < 0:
///
/// Anderson's reverse-time SDE for eta = 1 (1982; Song et al. 2021, eq. 6), the probability-flow
/// ODE for eta = 0 (their eq. 13), which is the one that runs in both directions. For any eta the
/// Fokker-Planck equations are the same, since g^2/2 score p = g^2/2 grad p. Throws
/// std::invalid_argument for an eta that is negative or not finite.
template <linear_sde Sde>
reverse_slope reverse_time(const Sde& sde, double t, double eta = 1) {
    detail::require(eta >= 0 && std::isfinite(eta), "diffusion::reverse_time",
                    "eta must be finite and not negative", eta);
    const double g = sde.diffusion(t);
    return {sde.drift(t), -0.5 * (1 + eta * eta) * g * g, eta * g};
}

/// The drift on tensors: out = f x - (1 + eta^2)/2 g^2 score. `out` may be `score`.
template <linear_sde Sde, tensor X>
void reverse_drift(const Sde& sde, double t, double eta, const X& x, const owner_t<X>& score,
                   owner_t<X>& out) {
    const reverse_slope slope = reverse_time(sde, t, eta);
    ref(out) = slope.x * ref(x) + slope.score * ref(score);
}

/// dx = f x + g^2/(2 sigma) eps-hat(x, t), the slope of the probability-flow ODE at time t, where
/// eps-hat = -sigma score is the denoiser's; also writes its x0-hat. Throws std::invalid_argument
/// where sigma = 0, as the score is not finite there.
template <linear_sde Sde, class D, tensor X>
    requires denoiser<D, X>
void probability_slope(const Sde& sde, double t, D& denoise, const X& x, owner_t<X>& x0,
                       owner_t<X>& dx) {
    const node at = node_at(sde.marginal, t);
    detail::require(at.sigma > 0, "diffusion::probability_flow",
                    "the score is not finite at clean data; sigma must be positive", at.sigma);
    const reverse_slope slope = reverse_time(sde, t, 0);
    detail::denoise_with_noise(denoise, x, at, x0, dx);
    ref(dx) = slope.x * ref(x) + (-slope.score / at.sigma) * ref(dx);
}

/// The same as a `derivative` for `dormand_prince`. `x0` is memory, a tensor like x, and holds
/// x0-hat after each call.
///
///     auto memory = solver.init(x);
///     solver.integrate(probability_flow(vp_sde{}, D, like(x)), 1, 1e-3, x, memory);
template <linear_sde Sde, class D, tensor X0>
struct probability_flow {
    Sde sde;
    D denoise;
    X0 x0;

    explicit probability_flow(Sde sde_, D denoise_, X0 x0_)
        : sde(std::move(sde_)), denoise(std::move(denoise_)), x0(std::move(x0_)) {}

    template <tensor X>
        requires denoiser<D, X>
    void operator()(double t, const X& x, owner_t<X>& dx) {
        probability_slope(sde, t, denoise, x, x0, dx);
    }
};

}  // namespace diffusion
