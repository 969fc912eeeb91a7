#pragma once
// L3: guidance, the art of asking for something and exaggerating the answer.

#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Classifier-free guidance (Ho and Salimans 2022): with D_c the denoiser that knows the condition
/// and D_u the one that does not,   D = D_u + w (D_c - D_u).
/// w = 0 ignores the condition, w = 1 is the plain conditional model, more exaggerates; the paper's
/// own w is this one minus 1. Since the weights sum to 1, guiding x_0-hat, eps-hat or v-hat is the
/// same. `scratch` is a tensor like x, so that a step allocates nothing. With w = 0 and w = 1 only
/// one network is asked.
template <class Conditional, class Unconditional, class Scratch>
struct guided {
    Conditional conditional;
    Unconditional unconditional;
    double w;
    Scratch scratch;

    explicit guided(Conditional conditional_, Unconditional unconditional_, double w_,
                    Scratch scratch_)
        : conditional(std::move(conditional_)),
          unconditional(std::move(unconditional_)),
          w(w_),
          scratch(std::move(scratch_)) {}

    template <class X>
        requires denoiser<Conditional, X> && denoiser<Unconditional, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        if (w == 0) return unconditional(x, t, x0);
        conditional(x, t, x0);
        if (w == 1) return;
        unconditional(x, t, scratch);
        ref(x0) = w * ref(x0) + (1 - w) * ref(scratch);
    }

    /// The guided x_0-hat and the eps-hat that belongs to it. In the half of the levels with more
    /// signal than noise it is eps-hat that is guided and x_0-hat that follows from it, so that
    /// nothing is divided by sigma: an inversion starts at sigma = 0.
    template <class X>
        requires denoiser<Conditional, X> && denoiser<Unconditional, X>
    void with_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        if (w == 0) return detail::denoise_with_noise(unconditional, x, t, x0, eps);
        if (w == 1) return detail::denoise_with_noise(conditional, x, t, x0, eps);
        if (t.sigma > t.alpha) {
            (*this)(x, t, x0);
            ref(eps) = (1 / t.sigma) * ref(x) + (-t.alpha / t.sigma) * ref(x0);
        } else {
            detail::denoise_with_noise(conditional, x, t, x0, eps);
            detail::denoise_with_noise(unconditional, x, t, x0, scratch);
            ref(eps) = w * ref(eps) + (1 - w) * ref(scratch);
            ref(x0) = (1 / t.alpha) * ref(x) + (-t.sigma / t.alpha) * ref(eps);
        }
    }

    /// The guided x_0-hat, and what the conditional network says of the variance (UnCLIP, Ramesh et
    /// al. 2022, and others with learned variances).
    template <class X>
        requires variance_denoiser<Conditional, X> && denoiser<Unconditional, X>
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
        conditional.with_variance(x, t, x0, v);
        if (w == 1) return;
        unconditional(x, t, scratch);
        ref(x0) = w * ref(x0) + (1 - w) * ref(scratch);
    }

    void check(const node& t) const {
        detail::check_denoiser(conditional, t);
        detail::check_denoiser(unconditional, t);
    }
};

}  // namespace diffusion
