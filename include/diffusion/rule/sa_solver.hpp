#pragma once
// L4: SA-Solver: stochastic exponential Adams methods whose noise depends on the time.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/rule/unipc.hpp>

namespace diffusion {

/// tau(t) of SA-Solver, the scale of the noise: `value` for first <= t <= last, and 0 elsewhere.
/// With the default bounds it is constant; 200 to 800 of 1000 is what the published code has.
struct constant_tau {
    double value = 1;
    double first = -HUGE_VAL, last = HUGE_VAL;

    double operator()(double t) const { return t >= first && t <= last ? value : 0; }
};

namespace detail {

/// eta = tau(t)^2, the same over the whole step from t.
template <class Tau>
double eta_of(const Tau& tau, const node& t) {
    const double value = tau(t.t);
    require(value >= 0 && std::isfinite(value), "diffusion::sa_solver",
            "tau must be finite and not negative", value);
    return value * value;
}

/// As published: on data the weight of two predictions is simplified as in UniPC's bh1, on noise
/// exact.
template <prediction Prediction>
inline constexpr two_node_form sa_form =
    Prediction == prediction::data ? two_node_form::unweighted : two_node_form::heun;

}  // namespace detail

/// The K-step predictor of SA-Solver (Xue et al. 2023, section 5.1): the SDE whose noise has
/// tau(t)^2 times the strength of the reverse SDE's, with tau constant over a step.
/// `exponential_adams<K>` with eta = tau(t)^2 (tau = 0 the ODE, tau = 1 the SDE forms of
/// DPM-Solver++), but for `form`, which the published code simplifies; `two_node_form::heun` is the
/// paper's.
///
/// Order K where tau = 0; with noise, in distribution, 1 for K = 1 and 2 for more. One evaluation a
/// step. On noise with tau > 0 end at a positive sigma, since the step to clean data would add
/// noise. Throws std::invalid_argument where tau is negative or not finite.
template <std::size_t K, prediction Prediction = prediction::data, class Tau = constant_tau>
struct sa_predictor {
    static_assert(K >= 1 && K <= 4, "diffusion::sa_predictor: the order must lie in 1 .. 4");
    static_assert(
        Prediction != prediction::data_and_noise,
        "diffusion::sa_predictor: extrapolate either prediction::data or prediction::noise");

    Tau tau{};
    two_node_form form = detail::sa_form<Prediction>;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        return unip<K, Prediction>{form, detail::eta_of(tau, seen[0])}(seen, s);
    }
};

/// The corrector of SA-Solver (Xue et al. 2023, section 5.2) on K predictions, that at s and the
/// last K - 1 seen: `exponential_adams_moulton<K>` with eta = tau(t)^2, simplified as the
/// predictor.
template <std::size_t K, prediction Prediction = prediction::data, class Tau = constant_tau>
struct sa_corrector {
    static_assert(K >= 1 && K <= 5, "diffusion::sa_corrector: the order must lie in 1 .. 5");
    static_assert(
        Prediction != prediction::data_and_noise,
        "diffusion::sa_corrector: extrapolate either prediction::data or prediction::noise");

    Tau tau{};
    two_node_form form = detail::sa_form<Prediction>;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;
    static constexpr bool corrects = true;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        return unic<K - 1, Prediction>{form, detail::eta_of(tau, seen[0])}(seen, s);
    }
};

}  // namespace diffusion
