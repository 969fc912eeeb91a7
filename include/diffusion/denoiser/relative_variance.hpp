#pragma once
// L3: a network whose second output is the variance of x_0, in the units in which it is easy to
// learn.

#include <cmath>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Where the network says v, the log variance of x_0 given x_t is
///
///     v + log(sigma^2 / (alpha^2 + sigma^2)),
///
/// so that v = 0 is right if the data is N(0, I), at all levels. `mean_variance_training` trains
/// such a network; `learned_variance` and `variational_bound` take it with
/// `variance_output::data_log_variance`:
///
///     auto D = relative_variance(predicts_noise(two_outputs(net, x)));
template <class D>
struct relative_variance {
    D denoise;

    explicit relative_variance(D denoise_) : denoise(std::move(denoise_)) {}

    template <class X>
        requires denoiser<D, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) { denoise(x, t, x0); }

    template <class X>
        requires variance_denoiser<D, X>
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
        denoise.with_variance(x, t, x0, v);
        const double unit = 2 * std::log(t.sigma) - std::log(t.alpha * t.alpha + t.sigma * t.sigma);
        for (auto& said : elements(v)) said += static_cast<scalar_t<X>>(unit);
    }

    void check(const node& t) const { detail::check_denoiser(denoise, t); }
};

}  // namespace diffusion
