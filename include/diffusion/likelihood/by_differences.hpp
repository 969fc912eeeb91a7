#pragma once
// A derivative for those who have none.

#include <cmath>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Makes any denoiser a `differentiable_denoiser` by central differences,
///
///     J v = (D(x + h v, t) - D(x - h v, t)) / (2 h) + O(h^2),
///
/// two more evaluations for each product. In double an h of 1e-4 leaves an error of some 1e-8; in
/// float there is little left of a difference, so give a float network its own product
/// (`nn::as_differentiable`). `scratch` is a tensor like x. Throws std::invalid_argument unless h
/// is positive.
template <class D, class Scratch>
struct by_differences {
    D inner;
    Scratch scratch;
    double h;

    explicit by_differences(D denoise, Scratch scratch_, double h_ = 1e-4)
        : inner(std::move(denoise)), scratch(std::move(scratch_)), h(h_) {
        detail::require(h > 0 && std::isfinite(h), "diffusion::by_differences",
                        "the difference must be finite and positive", h);
    }

    template <class X>
        requires denoiser<D, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) { inner(x, t, x0); }

    template <class X>
        requires denoiser<D, X> && denoiser<D, Scratch>
    void with_product(const X& x, const node& t, const owner_t<X>& v, owner_t<X>& x0,
                      owner_t<X>& jv) {
        ref(scratch) = 1 * ref(x) + h * ref(v);
        inner(std::as_const(scratch), t, jv);
        ref(scratch) = 1 * ref(x) + -h * ref(v);
        inner(std::as_const(scratch), t, x0);
        ref(jv) = (0.5 / h) * ref(jv) + (-0.5 / h) * ref(x0);
        inner(x, t, x0);
    }

    void check(const node& t) const { detail::check_denoiser(inner, t); }
};

}  // namespace diffusion
