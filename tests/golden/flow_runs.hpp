#pragma once
// What the runs of the diffusers schedulers for flow matching share: their times, and what the
// network is told there.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/shifted_flow.hpp>

#include "runs.hpp"

namespace golden {

/// The times of a case. The reference shifts its lowest time twice where the shift is static: first
/// that of its own list, then with all others.
inline std::vector<double> flow_times_of(const record& c) {
    const double T = c.number("config.num_train_timesteps", 1000);
    const double shift = c.number("config.shift", 1);
    const bool dynamic = c.flag("config.use_dynamic_shifting", false);
    const double lowest = dynamic ? 1 / T : diffusion::shifted_time(1 / T, shift);
    std::vector<double> times =
        c.has("set_timesteps.sigmas")
            ? c.numbers("set_timesteps.sigmas")
            : diffusion::flow_times(c.count("set_timesteps.num_inference_steps"), 1, lowest);
    const double mu = c.number("set_timesteps.mu", 0);
    const bool linear = c.text("config.time_shift_type", "exponential") == "linear";
    times = diffusion::shifted_times(times, !dynamic ? shift : linear ? mu : std::exp(mu));
    if (c.has("config.shift_terminal"))
        times = diffusion::stretched_times(times, c.number("config.shift_terminal"));
    const std::size_t n = times.size();
    const diffusion::sigma_range range{times.back(), times.front()};
    if (c.flag("config.use_karras_sigmas", false)) return diffusion::karras_sigmas(n, range);
    if (c.flag("config.use_exponential_sigmas", false))
        return diffusion::exponential_sigmas(n, range);
    if (c.flag("config.use_beta_sigmas", false)) return diffusion::beta_sigmas(n, range);
    return times;
}

/// What the network is told at time t. With invert_sigmas it counts from the noise to the data.
inline double told_flow_time(const record& c, double t) {
    const double T = c.number("config.num_train_timesteps", 1000);
    return c.flag("config.invert_sigmas", false) ? T * (1 - t) : T * t;
}

/// The denoiser of a case. Who counts from the noise to the data also has the flow point that way.
template <class T>
any_denoiser<T> flow_denoiser(const record& c) {
    const bool dummy = c.text("model") == "dummy";
    const double sign = c.flag("config.invert_sigmas", false) ? -1 : 1;
    const network<T> net =
        dummy ? dummy_network<T>() : gauss_network<T>(diffusion::flow_schedule{}, "flow");
    const auto told = [c, dummy](const diffusion::node& n) {
        return dummy ? told_flow_time(c, n.t) : n.t;
    };
    return any_denoiser<T>::of(diffusion::predicts_flow(
        [net, sign](const std::vector<T>& x, double t, std::vector<T>& out) {
            net(x, t, out);
            for (T& e : out) e *= static_cast<T>(sign);
        },
        told));
}

}  // namespace golden
