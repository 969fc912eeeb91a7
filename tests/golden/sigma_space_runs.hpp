#pragma once
// What the runs of solvers in sigma space share: x = x_0 + sigma eps, so that alpha = 1 on every node,
// whatever schedule the levels come from.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
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

/// The noise of the references' call k = draws step + (number of the draw in its step), for those that
/// draw in every step, whether or not they need the noise.
struct noise_of_step {
    std::uint64_t draws = 1;

    template <class X>
    void operator()(X& z, const diffusion::noise_address& where) const {
        const std::uint64_t in_step = std::min<std::uint64_t>(where.sub_draw, draws - 1);
        counted_noise{where.step * draws + in_step}(z, where);
    }
};

/// A run by the library's own loop from sigma times the usual start.
template <class T, class Sampler, class Noise = counted_noise>
trajectory<T> run_from(double sigma, const Sampler& sampler, any_denoiser<T> denoise,
                       Noise noise = {}) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    for (T& e : path.last) e = static_cast<T>(sigma * static_cast<double>(e));
    diffusion::sample(path.last, sampler, denoise, noise, [&](const auto& view) {
        if (view.i < 3) path.steps.push_back(view.x);
    });
    return path;
}

/// The same, but its `steps` are the states at which the network was asked in every `stride`-th call but
/// the first, for references that show x there.
template <class T, class Sampler, class Noise = counted_noise>
trajectory<T> run_asked_from(double sigma, const Sampler& sampler, const any_denoiser<T>& denoise,
                             std::size_t stride, Noise noise = {}) {
    std::vector<std::vector<T>> asked;
    std::size_t calls = 0;
    const auto seen = any_denoiser<T>::of(
        [&](const std::vector<T>& x, const diffusion::node& t, std::vector<T>& x0) {
            if (calls > 0 && calls % stride == 0 && asked.size() < 3) asked.push_back(x);
            ++calls;
            denoise(x, t, x0);
        });
    trajectory<T> path = run_from<T>(sigma, sampler, seen, noise);
    path.steps = asked;
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

/// The node of any sigma of k-diffusion and EDM, where alpha = 1 and t is sigma.
inline diffusion::node sigma_node(double sigma) { return {sigma, 1, sigma, -std::log(sigma)}; }

/// The grid of a case of k-diffusion, to clean data.
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
        grid.push_back(sigma_node(sigma));
    grid.push_back(sigma_node(0));
    return grid;
}

/// k-diffusion shows x where it asks the network first in a step: the error in steps 1, 2, 3, and at the
/// end.
inline double k_diffusion_error(const record& c, const trajectory<double>& path) {
    double error = final_error(c, path.last);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string key = "x_before_steps." + std::to_string(i);
        if (c.has(key + ".sum")) error = std::max(error, relative_error(c, key, path.steps.at(i)));
    }
    return error;
}

}  // namespace golden
