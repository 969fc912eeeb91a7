#pragma once
// L3: keeping x_0-hat in the range of the data (dynamic_threshold.hpp: in a range of its own).
// Wrappers read inside-out: clipped(predicts_noise(net), -1, 1).

#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

namespace detail {

/// What wrappers share that change an estimate after it was made: Wrapper says how in `adjust(x0)`.
template <class Wrapper, class D>
struct adjusted {
    D inner;

    template <class X>
        requires denoiser<D, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        inner(x, t, x0);
        static_cast<Wrapper&>(*this).adjust(x0);
    }

    template <class X>
        requires denoiser<D, X>
    void with_raw_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        denoise_with_raw_noise(inner, x, t, x0, eps);
        static_cast<Wrapper&>(*this).adjust(x0);
    }

    template <class X>
        requires variance_denoiser<D, X>
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
        inner.with_variance(x, t, x0, v);
        static_cast<Wrapper&>(*this).adjust(x0);
    }

    void check(const node& t) const { check_denoiser(inner, t); }
};

}  // namespace detail

/// x_0-hat clipped to [low, high], element by element (Ho et al. 2020 clip to [-1, 1]).
/// Throws std::invalid_argument unless low < high.
template <class D>
struct clipped : detail::adjusted<clipped<D>, D> {
    double low, high;

    explicit clipped(D denoise, double low_ = -1, double high_ = 1)
        : detail::adjusted<clipped, D>{std::move(denoise)}, low(low_), high(high_) {
        detail::require(low < high, "diffusion::clipped", "low must be below high, which is", high);
    }

    /// Clips every element of x0; NaN stays NaN.
    template <class Y>
    void adjust(Y& x0) const {
        using T = scalar_t<Y>;
        const T lowest = static_cast<T>(low), highest = static_cast<T>(high);
        for (T& e : elements(x0)) e = e < lowest ? lowest : e > highest ? highest : e;
    }
};

}  // namespace diffusion
