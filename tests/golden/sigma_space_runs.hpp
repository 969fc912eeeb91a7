#pragma once
// What the runs of solvers in sigma space share: x = x_0 + sigma eps, so that alpha = 1 on every
// node, whatever schedule the levels come from.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>

#include "runs.hpp"

namespace golden {

/// Whether the references raise alpha-bar of the noisiest time from 0 to 2^-24, above its
/// neighbour, so that sigma/alpha stays finite.
inline bool raises_last_alpha(const record& c) {
    return c.flag("config.rescale_betas_zero_snr", false);
}

/// The nodes with x/alpha for x.
inline diffusion::time_grid in_sigma_space(diffusion::time_grid grid) {
    for (diffusion::node& n : grid) {
        const double raised = std::ldexp(1, -12);
        const double rho =
            n.alpha > 0 ? n.sigma / n.alpha : std::sqrt(1 - raised * raised) / raised;
        n = {n.t, 1, rho, n.alpha > 0 ? n.lambda : -std::log(rho)};
    }
    return grid;
}

/// A case with the betas that its class has by default.
inline record with_betas(record c, double first, double last) {
    if (!c.has("config.beta_start")) c.set("config.beta_start", diffusion::detail::shown(first));
    if (!c.has("config.beta_end")) c.set("config.beta_end", diffusion::detail::shown(last));
    return c;
}

/// The schedule that a case's levels come from.
inline schedule sigma_space_schedule(const record& c) {
    schedule levels = schedule_of(c);
    if (c.text("config.beta_schedule", "linear") == "exp") {
        const std::size_t T = levels.size();
        levels = diffusion::discrete_schedule_of(
            std::vector<double>(T, diffusion::exponential_beta{}(0, T)));
    }
    return levels;
}

/// The grid of a diffusers scheduler in sigma space: times that need not be integers, or a list of
/// levels between the first and the last of them; to clean data or to the schedule's first level.
/// If the grid is at that level already, the reference's last step is empty, and left out here.
inline diffusion::time_grid sigma_space_grid(const record& c, const schedule& levels,
                                             diffusion::told_time told) {
    using diffusion::sigma_range, diffusion::time_grid;
    const auto uses = [&c](const char* name) {
        return c.flag(std::string("config.use_") + name + "_sigmas", false);
    };
    const auto list = [&](std::size_t n, const sigma_range& range) {
        return uses("karras") ? diffusion::karras_sigmas(n, range)
               : uses("beta") ? diffusion::beta_sigmas(n, range)
                              : diffusion::exponential_sigmas(n, range);
    };
    const diffusion::sigma_grid_options options{.told = told,
                                                .outside = diffusion::outside_range::hold_time};
    if (c.has("set_timesteps.sigmas"))
        return in_sigma_space(
            diffusion::grid_of_sigmas(levels, c.numbers("set_timesteps.sigmas"), options));
    if (c.text("config.timestep_type", "discrete") == "continuous") {
        time_grid grid;  // the network is told log(sigma)/4
        for (const double sigma :
             list(c.count("set_timesteps.num_inference_steps"),
                  {c.number("config.sigma_min"), c.number("config.sigma_max")}))
            grid.push_back({std::log(sigma) / 4, 1, sigma, -std::log(sigma)});
        grid.push_back({0, 1, 0, INFINITY});
        return grid;
    }
    const std::string spacing = c.text("config.timestep_spacing", "linspace");
    std::vector<double> times;
    if (c.has("set_timesteps.timesteps") || spacing != "linspace") {
        times = times_of(c, spacing);
    } else {
        const std::size_t n = c.count("set_timesteps.num_inference_steps"), T = levels.size();
        for (std::size_t i = 0; i < n; ++i)
            times.push_back(static_cast<double>((n - 1 - i) * (T - 1)) /
                            static_cast<double>(n - 1));
    }
    time_grid grid = diffusion::linear_sigma_grid(levels, times);
    const std::size_t n = times.size();
    const sigma_range range{c.number("config.sigma_min", diffusion::noise_to_signal(grid[n - 1])),
                            c.number("config.sigma_max", diffusion::noise_to_signal(grid[0]))};
    if (uses("karras") || uses("exponential") || uses("beta"))
        grid = diffusion::grid_of_sigmas(levels, list(n, range), options);
    if (c.text("config.final_sigmas_type", "zero") == "sigma_min")
        grid = diffusion::ending_at_first_level(levels, grid, diffusion::empty_step::drop);
    return in_sigma_space(grid);
}

inline diffusion::time_grid sigma_space_grid(const record& c) {
    return sigma_space_grid(c, sigma_space_schedule(c), diffusion::told_time::exact);
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
    if (c.flag("config.clip_sample", false)) {
        const double most = c.number("config.clip_sample_range", 1);
        return any_denoiser<T>::of(diffusion::clipped(denoise, -most, most));
    }
    return any_denoiser<T>::of(denoise);
}

/// The noise of the references' call k = draws step + (number of the draw in its step), for those
/// that draw in every step, whether or not they need the noise.
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

/// The same, but its `steps` are the states, in sigma space, at which the network was asked in
/// every `stride`-th call but the first, for references that show x there.
template <class T, class Sampler, class Noise = counted_noise>
trajectory<T> run_asked_from(double sigma, const Sampler& sampler, const any_denoiser<T>& denoise,
                             std::size_t stride, Noise noise = {}) {
    std::vector<std::vector<T>> asked;
    std::size_t calls = 0;
    const auto seen = any_denoiser<T>::of(
        [&](const std::vector<T>& x, const diffusion::node& t, std::vector<T>& x0) {
            if (calls > 0 && calls % stride == 0 && asked.size() < 3) {
                asked.push_back(x);
                for (T& e : asked.back()) e = static_cast<T>(static_cast<double>(e) / t.alpha);
            }
            ++calls;
            denoise(x, t, x0);
        });
    trajectory<T> path = run_from<T>(sigma, sampler, seen, noise);
    path.steps = asked;
    return path;
}

/// What one case gives: the errors of our own run and of the reference's kernels, both in double,
/// and the end of a run in float.
struct sigma_space_outcome {
    double own, by_kernels;
    std::vector<float> in_float;
};

/// All cases of a file in sigma space, each an outcome of `run`.
template <class Run>
void check_sigma_space(const std::string& family, Run run) {
    tally result(family);
    double worst_float = 0;
    for (const record& c : read(family)) {
        CAPTURE(c.id);
        const sigma_space_outcome its = run(c);
        judge(result, c, its.own, its.by_kernels);
        // x begins at up to 20000 times its final size, with a float's 7 digits of that
        const double limit =
            1e-5 + 10 * float_deviation(c) + 1e-8 * c.number("init_noise_sigma", 1);
        worst_float = std::max(worst_float, final_error(c, its.in_float) / limit);
    }
    result.finish();
    CHECK(worst_float < 1);
}

/// E[x_0 | x] for data 1/2 N(-1, 0.3^2) + 1/2 N(1, 0.3^2), or ("gauss") N(0.3, 0.5^2).
template <class T>
any_denoiser<T> k_diffusion_denoiser(const record& c) {
    const bool gauss = c.text("model") == "gauss";
    return any_denoiser<T>::of([gauss](const std::vector<T>& x, const diffusion::node& n,
                                       std::vector<T>& x0) {
        const double rho = n.sigma / n.alpha, v = rho * rho, d = (gauss ? 0.25 : 0.09) + v;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double in = static_cast<double>(x[e]) / n.alpha;
            const double w = 1 / (1 + std::exp(-2 * in / d));
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

/// k-diffusion shows x where it asks the network first in a step: the error in steps 1, 2, 3, and
/// at the end.
inline double k_diffusion_error(const record& c, const trajectory<double>& path) {
    double error = final_error(c, path.last);
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string key = "x_before_steps." + std::to_string(i);
        if (c.has(key + ".sum")) error = std::max(error, relative_error(c, key, path.steps.at(i)));
    }
    return error;
}

}  // namespace golden
