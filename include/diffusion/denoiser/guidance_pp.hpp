#pragma once
// L3: guidance that leaves the direction to the noise alone.

#include <cmath>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// CFG++ (Chung et al. 2024): x_0-hat is guided as usual, D_u + lambda (D_c - D_u),
/// but the raw eps-hat is the unconditional one. With a rule that keeps the two apart,
/// `ddim_published{}`, that is their sampler,
///
///     x_s = alpha_s (D_u + lambda (D_c - D_u)) + sigma_s eps_u.
///
/// Other rules see plain guidance. Both networks are asked, unless lambda = 0. They take lambda in
/// [0, 1]; more is allowed. `scratch` is a tensor like x, so that a step allocates nothing. Throws
/// std::invalid_argument for a lambda that is not finite.
template <class Conditional, class Unconditional, class Scratch>
struct guided_pp {
    Conditional conditional;
    Unconditional unconditional;
    double lambda;
    Scratch scratch;

    explicit guided_pp(Conditional conditional_, Unconditional unconditional_, double lambda_,
                       Scratch scratch_)
        : conditional(std::move(conditional_)),
          unconditional(std::move(unconditional_)),
          lambda(lambda_),
          scratch(std::move(scratch_)) {
        detail::require(std::isfinite(lambda), "diffusion::guided_pp", "lambda must be finite",
                        lambda);
    }

    template <class X>
        requires denoiser<Conditional, X> && denoiser<Unconditional, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        unconditional(x, t, x0);
        add_condition(x, t, x0);
    }

    template <class X>
        requires denoiser<Conditional, X> && denoiser<Unconditional, X>
    void with_raw_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        detail::denoise_with_raw_noise(unconditional, x, t, x0, eps);
        add_condition(x, t, x0);
    }

    void check(const node& t) const {
        detail::check_denoiser(conditional, t);
        detail::check_denoiser(unconditional, t);
    }

private:
    template <class X>
    void add_condition(const X& x, const node& t, owner_t<X>& x0) {
        if (lambda == 0) return;
        conditional(x, t, scratch);
        ref(x0) = (1 - lambda) * ref(x0) + lambda * ref(scratch);
    }
};

}  // namespace diffusion
