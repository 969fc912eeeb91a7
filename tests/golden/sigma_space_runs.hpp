#pragma once
// What the runs of solvers in sigma space share: x = x_0 + sigma eps, so that alpha = 1 on every node,
// whatever schedule the levels come from.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>

#include "runs.hpp"

namespace golden {

/// The nodes with x/alpha for x.
inline diffusion::time_grid in_sigma_space(diffusion::time_grid grid) {
    for (diffusion::node& n : grid) n = {n.t, 1, n.sigma / n.alpha, n.lambda};
    return grid;
}

/// The grid of a diffusers scheduler in sigma space, to clean data: times that need not be integers,
/// or a list of levels between the first and the last of them.
inline diffusion::time_grid sigma_space_grid(const record& c) {
    const schedule levels = schedule_of(c);
    const std::size_t T = levels.size(), n = c.count("set_timesteps.num_inference_steps");
    const std::string spacing = c.text("config.timestep_spacing", "linspace");
    std::vector<double> times(n);
    if (spacing == "linspace") {
        for (std::size_t i = 0; i < n; ++i)
            times[i] = static_cast<double>((n - 1 - i) * (T - 1)) / static_cast<double>(n - 1);
    } else {
        times = times_of(c, spacing);
    }
    const auto uses = [&c](const char* name) {
        return c.flag(std::string("config.use_") + name + "_sigmas", false);
    };
    diffusion::time_grid grid = diffusion::linear_sigma_grid(levels, times);
    const diffusion::sigma_range range{diffusion::noise_to_signal(grid[n - 1]),
                                       diffusion::noise_to_signal(grid[0])};
    if (uses("karras") || uses("exponential") || uses("beta"))
        grid = diffusion::grid_of_sigmas(levels, uses("karras") ? diffusion::karras_sigmas(n, range)
                                                 : uses("beta")
                                                     ? diffusion::beta_sigmas(n, range)
                                                     : diffusion::exponential_sigmas(n, range));
    return in_sigma_space(grid);
}

/// The networks in sigma space as a denoiser: "gauss" says the same x0-hat whatever it predicts,
/// "dummy" sees x/sqrt(1 + sigma^2).
template <class T>
any_denoiser<T> sigma_space_denoiser(const record& c) {
    const bool gauss = c.text("model") == "gauss";
    const std::string kind = c.text("config.prediction_type", "epsilon");
    const auto denoise = [gauss, kind](const std::vector<T>& x, const diffusion::node& n,
                                       std::vector<T>& x0) {
        const double root = std::sqrt(1 + n.sigma * n.sigma);
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double in = static_cast<double>(x[e]), m = in / root * (n.t / (n.t + 1));
            x0[e] =
                static_cast<T>(gauss ? 0.3 + (in - 0.3) * 0.25 / (0.25 + n.sigma * n.sigma)
                               : kind == "sample"       ? m
                               : kind == "v_prediction" ? in / (root * root) - n.sigma / root * m
                                                        : in - n.sigma * m);
        }
    };
    return any_denoiser<T>::of(denoise);
}

/// A run by the library's own loop from sigma times the usual start.
template <class T, class Sampler>
trajectory<T> run_from(double sigma, const Sampler& sampler, any_denoiser<T> denoise) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    for (T& e : path.last) e = static_cast<T>(sigma * static_cast<double>(e));
    counted_noise noise;
    diffusion::sample(path.last, sampler, denoise, noise, [&](const auto& view) {
        if (view.i < 3) path.steps.push_back(view.x);
    });
    return path;
}

/// E[x_0 | x] for data 1/2 N(-1, 0.3^2) + 1/2 N(1, 0.3^2), or ("gauss") N(0.3, 0.5^2).
template <class T>
any_denoiser<T> k_diffusion_denoiser(const record& c) {
    const bool gauss = c.text("model") == "gauss";
    return any_denoiser<T>::of([gauss](const std::vector<T>& x, const diffusion::node& n,
                                       std::vector<T>& x0) {
        const double v = n.sigma * n.sigma, d = (gauss ? 0.25 : 0.09) + v;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double in = static_cast<double>(x[e]), w = 1 / (1 + std::exp(-2 * in / d));
            x0[e] = static_cast<T>(gauss ? 0.3 + (in - 0.3) * 0.25 / d
                                         : w * (0.09 * in + v) / d + (1 - w) * (0.09 * in - v) / d);
        }
    });
}

/// The grid of a case of k-diffusion, to clean data. There is no time; t is sigma.
inline diffusion::time_grid k_diffusion_grid(const record& c) {
    const std::size_t n = c.count("sigmas.n");
    const diffusion::sigma_range range{c.number("sigmas.kwargs.sigma_min"),
                                       c.number("sigmas.kwargs.sigma_max")};
    const std::string kind = c.text("sigmas.schedule");
    diffusion::detail::require(kind == "karras" || kind == "exponential", "k_diffusion_grid",
                               "the schedule must be known", kind);
    diffusion::time_grid grid;
    for (const double sigma : kind == "karras" ? diffusion::karras_sigmas(n, range)
                                               : diffusion::exponential_sigmas(n, range))
        grid.push_back({sigma, 1, sigma, -std::log(sigma)});
    grid.push_back({0, 1, 0, INFINITY});
    return grid;
}

/// k-diffusion shows x before each step: the error of x before steps 1, 2, 3, and at the end.
inline double k_diffusion_error(const record& c, const trajectory<double>& path) {
    double error = final_error(c, path.last);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string key = "x_before_steps." + std::to_string(i);
        if (c.has(key + ".sum")) error = std::max(error, relative_error(c, key, path.steps.at(i)));
    }
    return error;
}

}  // namespace golden
