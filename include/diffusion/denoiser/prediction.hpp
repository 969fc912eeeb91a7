#pragma once
// L3: networks as denoisers. A network may predict the noise, the data, the velocity, the score or
// the flow; each is a linear function of (x_0, eps), and with x = alpha x_0 + sigma eps each gives
// back both.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/time_input.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// A network: any callable `m(x, t, out)` that writes its output, or `m(x, t)` that returns it; t
/// is a double. Semantics: it does not touch x, and its output has x's shape.
template <class M, class X>
concept model = tensor<X> &&(
    requires(M& m, const X& x, double t, owner_t<X>& out) { m(x, t, out); } ||
    requires(M & m, const X& x, double t, owner_t<X>& out) { out = m(x, t); });

/// A network with a second output, its variance: `m(x, t, out, v)` (Nichol and Dhariwal 2021: twice
/// as many channels). For where v is not wanted it has the form without it too; see `two_outputs`.
template <class M, class X>
concept variance_model = model<M, X> &&
    requires(M& m, const X& x, double t, owner_t<X>& out, owner_t<X>& v) {
    m(x, t, out, v);
};

/// Gives a network m(x, t, out, v) the form m(x, t, out). `scratch` is a tensor like x, so that a
/// step allocates nothing.
template <class M, class Scratch>
struct two_outputs {
    M network;
    Scratch scratch;

    explicit two_outputs(M network_, Scratch scratch_)
        : network(std::move(network_)), scratch(std::move(scratch_)) {}

    template <class X>
        requires requires(M& m, const X& x, Scratch& v) { m(x, 0.0, v, v); }
    void operator()(const X& x, double t, Scratch& out) { network(x, t, out, scratch); }
    template <class X>
        requires requires(M& m, const X& x, Scratch& v) { m(x, 0.0, v, v); }
    void operator()(const X& x, double t, Scratch& out, Scratch& v) { network(x, t, out, v); }
};

/// u x + v m, the weights of the state and of the network's output in an estimate.
struct prediction_weights {
    double x, m;
};

namespace detail {

#if defined(__GNUC__)  // networks may take t as float or as an integer; the conversion is meant
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wfloat-conversion"
#endif
template <tensor X, model<X> M>
void evaluate(M& m, const X& x, double t, owner_t<X>& out) {
    if constexpr (requires { m(x, t, out); }) {
        m(x, t, out);
    } else {
        out = m(x, t);
    }
    require(elements(out).size() == elements(x).size(), "diffusion::model",
            "the network's output must have as many elements as its input", elements(out).size());
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/// What the predicts_ wrappers share; Prediction says in `data(t)` and `noise(t)` how the output is
/// read.
template <class Prediction, class M, class Time>
struct prediction_base {
    M model;
    Time time;

    template <class X>
        requires diffusion::model<M, X>
    void operator()(const X& x, const node& t, owner_t<X>& x0) {
        evaluate(model, x, time(t), x0);
        convert(Prediction::data(t), x, x0, x0);
    }

    template <class X>
        requires diffusion::model<M, X>
    void with_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        evaluate(model, x, time(t), x0);
        convert(Prediction::noise(t), x, x0, eps);
        convert(Prediction::data(t), x, x0, x0);
    }

    template <class X>
        requires diffusion::variance_model<M, X>
    void with_variance(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& v) {
        model(x, time(t), x0, v);
        convert(Prediction::data(t), x, x0, x0);
    }

    /// Of a network with m.with_product(x, t, v, out, jv), its own J^T v or J v: that of x_0-hat is
    /// linear in it.
    template <class X>
        requires requires(M& m, const X& x, const owner_t<X>& v, owner_t<X>& out) {
            m.with_product(x, 0.0, v, out, out);
        }
    void with_product(const X& x, const node& t, const owner_t<X>& v, owner_t<X>& x0,
                      owner_t<X>& jv) {
        model.with_product(x, time(t), v, x0, jv);
        convert(Prediction::data(t), v, jv, jv);
        convert(Prediction::data(t), x, x0, x0);
    }

private:
    template <class X>
    static void convert(prediction_weights w, const X& x, const owner_t<X>& m, owner_t<X>& out) {
        if (w.x != 0) {
            ref(out) = w.x * ref(x) + w.m * ref(m);
        } else if (w.m != 1 || &out != &m) {
            ref(out) = w.m * ref(m);
        }
    }
};

}  // namespace detail

/// The network predicts eps: x_0 = (x - sigma eps)/alpha (Ho et al. 2020, eq. 15). Impossible where
/// alpha = 0.
template <class M, class Time = sees_time>
struct predicts_noise : detail::prediction_base<predicts_noise<M, Time>, M, Time> {
    explicit predicts_noise(M network, Time input = {})
        : detail::prediction_base<predicts_noise, M, Time>{std::move(network), std::move(input)} {}

    static constexpr prediction_weights data(const node& t) {
        return {1 / t.alpha, -t.sigma / t.alpha};
    }
    static constexpr prediction_weights noise(const node&) { return {0, 1}; }

    void check(const node& t) const {
        detail::require(t.alpha > 0, "diffusion::predicts_noise",
                        "noise says nothing about the data where alpha = 0 (zero terminal SNR); "
                        "use a network that "
                        "predicts velocity or data, or start later; alpha must be positive",
                        t.alpha);
    }
};

/// The network predicts x_0 itself; eps = (x - alpha x_0)/sigma. Not asked where sigma = 0.
template <class M, class Time = sees_time>
struct predicts_data : detail::prediction_base<predicts_data<M, Time>, M, Time> {
    explicit predicts_data(M network, Time input = {})
        : detail::prediction_base<predicts_data, M, Time>{std::move(network), std::move(input)} {}

    static constexpr prediction_weights data(const node&) { return {0, 1}; }
    static constexpr prediction_weights noise(const node& t) {
        return {1 / t.sigma, -t.alpha / t.sigma};
    }

    void check(const node& t) const {
        detail::require(t.sigma > 0, "diffusion::predicts_data",
                        "data says nothing about the noise where sigma = 0 (the start of an "
                        "inversion); start at a noisier node; sigma must be positive",
                        t.sigma);
    }
};

/// The network predicts v = alpha eps - sigma x_0 (Salimans and Ho 2022): x_0 = alpha x - sigma v
/// and eps = sigma x + alpha v, both divided by alpha^2 + sigma^2, which is 1 for
/// variance-preserving schedules. Well defined at both ends.
template <class M, class Time = sees_time>
struct predicts_velocity : detail::prediction_base<predicts_velocity<M, Time>, M, Time> {
    explicit predicts_velocity(M network, Time input = {})
        : detail::prediction_base<predicts_velocity, M, Time>{std::move(network),
                                                              std::move(input)} {}

    static constexpr prediction_weights data(const node& t) {
        const double r = t.alpha * t.alpha + t.sigma * t.sigma;
        return {t.alpha / r, -t.sigma / r};
    }
    static constexpr prediction_weights noise(const node& t) {
        const double r = t.alpha * t.alpha + t.sigma * t.sigma;
        return {t.sigma / r, t.alpha / r};
    }
};

/// The network predicts the score, grad log p_t(x) = -eps/sigma (Song et al. 2021): x_0 = (x +
/// sigma^2 score)/alpha (Tweedie's formula). Impossible where alpha = 0.
template <class M, class Time = sees_time>
struct predicts_score : detail::prediction_base<predicts_score<M, Time>, M, Time> {
    explicit predicts_score(M network, Time input = {})
        : detail::prediction_base<predicts_score, M, Time>{std::move(network), std::move(input)} {}

    static constexpr prediction_weights data(const node& t) {
        return {1 / t.alpha, t.sigma * t.sigma / t.alpha};
    }
    static constexpr prediction_weights noise(const node& t) { return {0, -t.sigma}; }

    void check(const node& t) const {
        detail::require(
            t.alpha > 0, "diffusion::predicts_score",
            "a score says nothing about the data where alpha = 0; alpha must be positive", t.alpha);
    }
};

/// The network predicts the direction of the straight path, u = eps - x_0 (Lipman et al. 2023; Liu
/// et al. 2023): x_0 = (x - sigma u)/(alpha + sigma), eps = (x + alpha u)/(alpha + sigma).
template <class M, class Time = sees_time>
struct predicts_flow : detail::prediction_base<predicts_flow<M, Time>, M, Time> {
    explicit predicts_flow(M network, Time input = {})
        : detail::prediction_base<predicts_flow, M, Time>{std::move(network), std::move(input)} {}

    static constexpr prediction_weights data(const node& t) {
        return {1 / (t.alpha + t.sigma), -t.sigma / (t.alpha + t.sigma)};
    }
    static constexpr prediction_weights noise(const node& t) {
        return {1 / (t.alpha + t.sigma), t.alpha / (t.alpha + t.sigma)};
    }
};

}  // namespace diffusion
