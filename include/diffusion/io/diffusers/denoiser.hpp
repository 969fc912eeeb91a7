#pragma once
// The network of a scheduler config as a denoiser: what it is shown, and how its answer is read.

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/denoiser/any_denoiser.hpp>
#include <diffusion/denoiser/dynamic_threshold.hpp>
#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/io/diffusers/nodes.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion::io {

namespace detail {

/// A network that predicts the flow from noise to data, x_0 - eps, turned round.
template <class Network>
struct towards_noise {
    Network network;

    template <class X>
        requires model<Network, X>
    void operator()(const X& x, double t, owner_t<X>& out) {
        diffusion::detail::evaluate(network, x, t, out);
        ref(out) = -1.0 * ref(out);
    }
};

/// A scaling whose time is the node's own, and whose output may have the other sign.
template <class Scaling>
struct told_as_it_is {
    Scaling scaling;
    double sign = 1;

    precondition_weights operator()(const node& t) const {
        const auto [skip, out, in, time] = scaling(t);
        return {skip, sign * out, in, t.t};
    }
};

/// A velocity network whose eps-hat is the velocity itself: the reference's PNDM extrapolates that.
template <class Network>
struct velocity_as_noise : predicts_velocity<Network> {
    explicit velocity_as_noise(Network network) : predicts_velocity<Network>(std::move(network)) {}

    template <class X>
        requires diffusion::model<Network, X>
    void with_noise(const X& x, const node& t, owner_t<X>& x0, owner_t<X>& eps) {
        (*this)(x, t, x0);
        const prediction_weights w = this->data(t);
        ref(eps) = (1 / w.m) * ref(x0) + (-w.x / w.m) * ref(x);
    }
};

/// The reference's PNDM with velocity prediction.
inline bool extrapolates_velocity(const scheduler_config& c) {
    return c.class_name == "PNDMScheduler" && c.prediction_type == "v_prediction";
}

/// The network's own estimate of x_0.
template <class Network, tensor X>
any_denoiser<X> plain_denoiser(const scheduler_config& c, Network network, const X& x) {
    const auto as = [](auto denoise) { return any_denoiser<X>(std::move(denoise)); };
    const auto scaled = [&](auto scaling, double sign) {
        return as(preconditioned(std::move(network),
                                 told_as_it_is<decltype(scaling)>{scaling, sign}, like(x)));
    };
    if (in_edm_style(c))
        return scaled(edm_scaling{c.sigma_data}, c.prediction_type == "v_prediction" ? -1 : 1);
    if (c.class_name == "CMStochasticIterativeScheduler")
        return scaled(consistency_scaling{c.sigma_data, c.sigma_min.value_or(0.002)}, 1);
    if (c.class_name == "SCMScheduler") return scaled(trigflow_scaling{c.sigma_data}, 1);
    if (c.class_name == "ScoreSdeVeScheduler") return as(predicts_score(std::move(network)));
    if (c.invert_sigmas || c.class_name == "MiniMaxH3Scheduler")
        return as(predicts_flow(towards_noise<Network>{std::move(network)}));
    if (in_flow_style(c) || c.prediction_type == "flow_prediction")
        return as(predicts_flow(std::move(network)));
    if (extrapolates_velocity(c)) return as(velocity_as_noise(std::move(network)));
    if (c.prediction_type == "v_prediction" || c.class_name == "IPNDMScheduler")
        return as(predicts_velocity(std::move(network)));
    if (c.prediction_type == "sample") return as(predicts_data(std::move(network)));
    return as(predicts_noise(std::move(network)));
}

}  // namespace detail

template <class Network, tensor X>
any_denoiser<X> scheduler_config::denoiser(Network network, const X& x, std::size_t items) const {
    static_assert(
        model<Network, owner_t<X>> || requires(owner_t<X> & y) { network(y, 0.0, y, y); },
        "diffusion::io::scheduler_config::denoiser: the network must be callable as "
        "network(const X& x, double t, X& out), out = network(x, t), or with a learned "
        "variance network(x, t, out, v)");
    detail::require_valid(*this);
    item_size(elements(x).size(), items);
    const auto plain = [&] {
        if constexpr (requires(owner_t<X> & y) { network(y, 0.0, y, y); })
            return detail::plain_denoiser(*this, two_outputs(std::move(network), like(x)), x);
        else return detail::plain_denoiser(*this, std::move(network), x);
    };
    // These have the fields, but leave x0-hat as it is.
    const bool leaves = class_name.starts_with("CogVideoX") || class_name == "TCDScheduler" ||
                        (class_name == "UniPCMultistepScheduler" && !predict_x0);
    const bool clips = (clip_sample && !leaves) || clip_denoised;
    const double range = clip_denoised ? 1 : clip_sample_range;
    any_denoiser<X> denoise =
        thresholding && !leaves
            ? any_denoiser<X>(dynamic_threshold(plain(), like(x), dynamic_thresholding_ratio,
                                                sample_max_value, items))
        : clips ? any_denoiser<X>(clipped(plain(), -range, range))
                : plain();
    if (class_name == "LCMScheduler")
        return any_denoiser<X>(with_boundary(std::move(denoise), timestep_scaling));
    return denoise;
}

}  // namespace diffusion::io
