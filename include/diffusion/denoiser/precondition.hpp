#pragma once
// L3: networks whose input and output are scaled to unit variance at every noise level, and
// denoisers that are held to the identity at clean data.

#include <cmath>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/time_input.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// The four numbers of D(x) = skip x + out F(in x, time).
struct precondition_weights {
    double skip, out, in, time;
};

namespace detail {

inline void require_sigma_data(double sigma_data, const char* function) {
    require(sigma_data > 0 && std::isfinite(sigma_data), function,
            "sigma_data must be finite and positive", sigma_data);
}

}  // namespace detail

/// Karras et al. (2022), table 1: with rho = sigma/alpha and sigma_data the standard deviation of
/// the data, for y = x/alpha (which is x where alpha = 1)
///
///     c_skip = sigma_data^2/(rho^2 + sigma_data^2),    c_out = rho sigma_data c_in,
///     c_in = 1/sqrt(rho^2 + sigma_data^2),             c_noise = log(rho)/4.
struct edm_scaling {
    double sigma_data = 0.5;

    precondition_weights operator()(const node& t) const {
        detail::require_sigma_data(sigma_data, "diffusion::edm_scaling");
        const double rho = t.sigma / t.alpha, root = std::hypot(rho, sigma_data);
        return {sigma_data * sigma_data / (root * root) / t.alpha, rho * sigma_data / root,
                1 / root / t.alpha, -0.25 * t.lambda};
    }
};

/// Song et al. (2023), appendix C: the same, but the identity at rho = sigma_min,
///
///     c_skip = sigma_data^2/((rho - sigma_min)^2 + sigma_data^2),
///     c_out = (rho - sigma_min) sigma_data/sqrt(rho^2 + sigma_data^2).
///
/// Their networks see time_scale times log(rho)/4, with 1000.
struct consistency_scaling {
    double sigma_data = 0.5, sigma_min = 0.002, time_scale = 1000;

    precondition_weights operator()(const node& t) const {
        detail::require_sigma_data(sigma_data, "diffusion::consistency_scaling");
        const double rho = t.sigma / t.alpha, above = rho - sigma_min;
        const double root = std::hypot(rho, sigma_data), base = std::hypot(above, sigma_data);
        return {sigma_data * sigma_data / (base * base) / t.alpha, above * sigma_data / root,
                1 / root / t.alpha, -0.25 * t.lambda * time_scale};
    }
};

/// Lu and Song (2025), on a `trigflow_schedule` with the same sigma_data: D(x) = cos(t) x -
/// sin(t) sigma_data F(x/sigma_data, t).
struct trigflow_scaling {
    double sigma_data = 0.5;

    precondition_weights operator()(const node& t) const {
        detail::require_sigma_data(sigma_data, "diffusion::trigflow_scaling");
        return {t.alpha, -t.sigma, 1 / sigma_data, t.t};
    }
};

/// A network F as a denoiser, D(x, t) = skip x + out F(in x, time); `scaling` is any callable from
/// a node to the weights. `scratch` is a tensor like x, so that a step allocates nothing.
/// Impossible where a weight is not finite, for the scalings with rho where alpha = 0. The scalings
/// above throw std::invalid_argument unless sigma_data is finite and positive.
template <class M, class Scaling, class Scratch>
struct preconditioned {
    M network;
    Scaling scaling;
    Scratch scratch;

    explicit preconditioned(M network_, Scaling scaling_, Scratch scratch_)
        : network(std::move(network_)),
          scaling(std::move(scaling_)),
          scratch(std::move(scratch_)) {}

    template <class X>
        requires model<M, Scratch>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        const auto [skip, out, in, time] = scaling(t);
        ref(scratch) = in * ref(x);
        detail::evaluate(network, std::as_const(scratch), time, x0);
        ref(x0) = skip * ref(x) + out * ref(x0);
    }

    /// Of a network with F.with_product(x, t, v, out, jv), its own J^T v or J v: that of D is
    /// skip v + out in (that of F).
    template <class X>
        requires requires(M& m, const Scratch& in, const owner_t<X>& v, owner_t<X>& out) {
            m.with_product(in, 0.0, v, out, out);
        }
    void with_product(const X& x, const node& t, const owner_t<X>& v, owner_t<X>& x0,
                      owner_t<X>& jv) {
        const auto [skip, out, in, time] = scaling(t);
        ref(scratch) = in * ref(x);
        network.with_product(std::as_const(scratch), time, v, x0, jv);
        ref(x0) = skip * ref(x) + out * ref(x0);
        ref(jv) = skip * ref(v) + (out * in) * ref(jv);
    }

    void check(const node& t) const {
        const auto [skip, out, in, time] = scaling(t);
        detail::require(
            std::isfinite(skip) && std::isfinite(out) && std::isfinite(in) && std::isfinite(time),
            "diffusion::preconditioned", "the scaling has no finite weights at this level; alpha",
            t.alpha);
    }
};

/// A denoiser that becomes the identity as t goes to 0, as the networks of latent consistency
/// models are trained (Luo et al. 2023, section 4.1 and appendix D): with tau = factor t,
///
///     c_skip x + c_out D(x, t),    c_skip = sigma_data^2/(tau^2 + sigma_data^2),
///                                  c_out = tau/sqrt(tau^2 + sigma_data^2).
///
/// t is what `time` says, the schedule's own by default. Wrappers read inside-out; theirs is
/// with_boundary(clipped(predicts_noise(net))).
template <class D, class Time = sees_time>
struct with_boundary {
    D inner;
    double factor, sigma_data;
    Time time;

    explicit with_boundary(D denoise, double factor_ = 10, double sigma_data_ = 0.5,
                           Time time_ = {})
        : inner(std::move(denoise)),
          factor(factor_),
          sigma_data(sigma_data_),
          time(std::move(time_)) {
        detail::require(factor > 0 && std::isfinite(factor), "diffusion::with_boundary",
                        "the factor must be finite and positive", factor);
        detail::require_sigma_data(sigma_data, "diffusion::with_boundary");
    }

    template <class X>
        requires denoiser<D, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        inner(x, t, x0);
        const double tau = factor * time(t), root = std::hypot(tau, sigma_data);
        const double share = sigma_data / root;
        ref(x0) = (share * share) * ref(x) + (tau / root) * ref(x0);
    }

    void check(const node& t) const { detail::check_denoiser(inner, t); }
};

}  // namespace diffusion
