#pragma once
// What the runs of diffusers' EDM schedulers share: their grid and their network.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "sigma_space_runs.hpp"

namespace golden {

/// The grid of a diffusers scheduler on EDM's levels. One to the lowest level stands on it twice in
/// the reference, but for rounding; its last step does nothing and is left out.
inline diffusion::time_grid edm_grid(const record& c) {
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const diffusion::sigma_range range{c.number("config.sigma_min", 0.002),
                                       c.number("config.sigma_max", 80)};
    const std::vector<double> sigmas =
        c.text("config.sigma_schedule", "karras") == "exponential"
            ? diffusion::exponential_sigmas(n, range)
            : diffusion::karras_sigmas(n, range, c.number("config.rho", 7));
    const diffusion::edm_schedule levels{range.lowest, range.highest};
    return diffusion::grid_of_sigmas(levels, sigmas,
                                     {.end = c.text("config.final_sigmas_type", "zero") == "zero"
                                                 ? diffusion::grid_end::clean
                                                 : diffusion::grid_end::last_time});
}

/// The scaling of Karras et al.; a network of velocities has the other sign.
struct edm_network_scaling {
    diffusion::edm_scaling edm;
    double sign;

    diffusion::precondition_weights operator()(const diffusion::node& t) const {
        diffusion::precondition_weights weights = edm(t);
        weights.out *= sign;
        return weights;
    }
};

template <class T>
any_denoiser<T> edm_denoiser(const record& c) {
    const bool velocity = c.text("config.prediction_type", "epsilon") == "v_prediction";
    const edm_network_scaling weights{{c.number("config.sigma_data", 0.5)}, velocity ? -1.0 : 1.0};
    network<T> net = dummy_network<T>();
    if (c.text("model") == "gauss")
        net = [weights](const std::vector<T>& x, double t, std::vector<T>& out) {
            const double sigma = std::exp(4 * t);
            const auto [skip, scale, in, time] = weights({sigma, 1, sigma, -std::log(sigma)});
            for (std::size_t e = 0; e < x.size(); ++e) {
                const double state = static_cast<double>(x[e]) / in;
                const double D = 0.3 + (state - 0.3) * 0.25 / (0.25 + sigma * sigma);
                out[e] = static_cast<T>((D - skip * state) / scale);
            }
        };
    return bounded<T>(diffusion::preconditioned(net, weights, std::vector<T>(elements_of_x)),
                      settings_of(c, false));
}

}  // namespace golden
