#pragma once
// L3: D(x, t) is always an estimate of x_0. Networks are turned into one by a wrapper, see
// prediction.hpp.

#include <concepts>
#include <type_traits>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// A denoiser writes its estimate of E[x_0 | x_t = x] to x0. Semantics: it does not touch x, and x0
/// has x's shape. Optional members that wrappers and samplers use where they are there:
///
///     check(t)                       throws std::invalid_argument if D cannot be evaluated at
///                                    node t; asked before a run
///     with_noise(x, t, x0, eps)      also writes the noise that belongs to x0, x = alpha x0 +
///                                    sigma eps, if possible without dividing by sigma
///     with_raw_noise(x, t, x0, eps)  the same, but eps belongs to the estimate before it was
///                                    clipped
///     with_variance(x, t, x0, v)     also writes what the network says of the variance
///     with_product(x, t, v, x0, jv)  also writes J^T v, J = dx0/dx at x, or J v: who asks wants
///                                    its product with v, which is the same
template <class D, class X>
concept denoiser = tensor<X> && requires(D& denoise, const X& x, const node& t, owner_t<X>& x0) {
    denoise(x, t, x0);
};

/// A denoiser that also says, element by element, how much noise the step needs; what v means is
/// the sampler's affair.
template <class D, class X>
concept variance_denoiser = denoiser<D, X> &&
    requires(D& denoise, const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
    denoise.with_variance(x, t, x0, v);
};

/// A denoiser that can be differentiated: its Jacobian times any v, with which likelihoods find the
/// divergence of a flow.
template <class D, class X>
concept differentiable_denoiser = denoiser<D, X> &&
    requires(D& denoise, const X& x, const node& t, const owner_t<X>& v, owner_t<X>& x0,
             owner_t<X>& jv) {
    denoise.with_product(x, t, v, x0, jv);
};

namespace detail {

/// Lets D refuse a node before the run starts.
template <class D>
void check_denoiser(const D& denoise, const node& t) {
    if constexpr (requires { denoise.check(t); }) denoise.check(t);
}

/// x0-hat and the eps-hat that belongs to it, eps = (x - alpha x0)/sigma.
template <class D, tensor X>
void denoise_with_noise(D& denoise, const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
    if constexpr (requires { denoise.with_noise(x, t, x0, eps); }) {
        denoise.with_noise(x, t, x0, eps);
    } else {
        require(t.sigma > 0, "diffusion::denoiser",
                "at clean data eps-hat is not to be had from x_0-hat; give the denoiser a member "
                "with_noise, or start at a noisier node; sigma must be positive",
                t.sigma);
        denoise(x, t, x0);
        ref(eps) = (1 / t.sigma) * ref(x) + (-t.alpha / t.sigma) * ref(x0);
    }
}

/// The final x0-hat, and the eps-hat of the network as it came out, before any clipping of x0-hat.
template <class D, tensor X>
void denoise_with_raw_noise(D& denoise, const X& x, const node& t, owner_t<X>& x0,
                            owner_t<X>& eps) {
    if constexpr (requires { denoise.with_raw_noise(x, t, x0, eps); }) {
        denoise.with_raw_noise(x, t, x0, eps);
    } else {
        denoise_with_noise(denoise, x, t, x0, eps);
    }
}

}  // namespace detail
}  // namespace diffusion
