#pragma once
// L3: guidance by a classifier of noisy data, for networks that were trained without conditions.

#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/time_input.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Classifier guidance (Dhariwal and Nichol 2021, algorithm 2; Song et al. 2021, section 5): by
/// Bayes' rule the score of p(x_t | y) is that of p(x_t) and g = grad_x log p(y | x_t) together, so
///
///     eps = eps-hat - w sigma_t g,   x_0 = x_0-hat + w sigma_t^2 / alpha_t g.
///
/// w = 1 is Bayes' rule, w = 0 ignores the classifier, more exaggerates (samples of p(x) p(y | x)^w
/// at each noise level). `gradient` is called as gradient(x, time, out), with the time that
/// `Time` makes of a node: see nn::class_gradient. Any differentiable log p(y | x_t) will do: of
/// an image's caption (Nichol et al. 2022), of a measurement. `scratch` is a tensor like x, so that
/// a step allocates nothing. With w = 0 the classifier is not asked.
template <class D, class Gradient, class Scratch, class Time = sees_time>
struct classifier_guided {
    D denoise;
    Gradient gradient;
    double w;
    Scratch scratch;
    Time time;

    explicit classifier_guided(D denoise_, Gradient gradient_, double w_, Scratch scratch_,
                               Time time_ = {})
        : denoise(std::move(denoise_)),
          gradient(std::move(gradient_)),
          w(w_),
          scratch(std::move(scratch_)),
          time(std::move(time_)) {}

    template <class X>
        requires denoiser<D, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        denoise(x, t, x0);
        if (ask(x, t)) guide(t, x0);
    }

    template <class X>
        requires denoiser<D, X>
    void with_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        detail::denoise_with_noise(denoise, x, t, x0, eps);
        if (!ask(x, t)) return;
        guide(t, x0);
        ref(eps) = 1 * ref(eps) + (-w * t.sigma) * ref(scratch);
    }

    /// The guided x_0-hat, and what the network says of the variance. (Their algorithm 1 moves the
    /// mean of a step by w g times the variance; here x_0-hat moves, as in algorithm 2.)
    template <class X>
        requires variance_denoiser<D, X>
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
        denoise.with_variance(x, t, x0, v);
        if (ask(x, t)) guide(t, x0);
    }

    void check(const node& t) const {
        detail::check_denoiser(denoise, t);
        detail::require(t.alpha > 0, "diffusion::classifier_guided",
                        "where alpha = 0 there is nothing that a classifier could see; alpha must "
                        "be positive",
                        t.alpha);
    }

private:
    /// The gradient to `scratch`, if it makes a difference.
    template <class X>
    bool ask(const X& x, const node& t) {
        if (w == 0 || t.sigma == 0) return false;
        gradient(x, time(t), scratch);
        return true;
    }

    template <class Y>
    void guide(const node& t, Y& x0) const {
        ref(x0) = 1 * ref(x0) + (w * t.sigma * t.sigma / t.alpha) * ref(scratch);
    }
};

}  // namespace diffusion
