#pragma once
// What the runs of all reference files share: the start, the noise, the two networks, and the
// settings of a scheduler read as schedules and denoisers of the library.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/denoiser/dynamic_threshold.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>
#include <diffusion/tensor/std.hpp>

#include "support.hpp"

namespace golden {

inline constexpr std::size_t items = 4, elements_of_x = 768;  // shape (4, 3, 8, 8)

/// The start of every run: x[b, c, h, w] = (((c 8 + h) 8 + w) 4 + b)/768.
template <class T>
std::vector<T> initial_sample() {
    std::vector<T> x(elements_of_x);
    const std::size_t n = elements_of_x / items;
    for (std::size_t i = 0; i < elements_of_x; ++i)
        x[i] = static_cast<T>(static_cast<double>(i % n * items + i / n) / 768);
    return x;
}

/// The noise of call k: z[i] = sin(0.1 (i + 1)(k + 1)). The references count their calls; so does
/// this.
struct counted_noise {
    std::uint64_t calls = 0;

    template <class X>
    void operator()(X& z, const diffusion::noise_address&) {
        ++calls;
        std::uint64_t i = 0;
        for (auto& e : diffusion::elements(z))
            e = static_cast<diffusion::scalar_t<X>>(
                std::sin(0.1 * static_cast<double>(++i * calls)));
    }
};

using schedule = diffusion::discrete_schedule<diffusion::tabulated_beta>;

/// A network: (x, t, out).
template <class T>
using network = std::function<void(const std::vector<T>&, double, std::vector<T>&)>;

/// The noise of the first call.
inline std::vector<double> first_noise() {
    std::vector<double> z(elements_of_x);
    counted_noise{}(z, {});
    return z;
}

/// The network "dummy": x t/(t + 1).
template <class T>
network<T> dummy_network() {
    return [](const std::vector<T>& x, double t, std::vector<T>& out) {
        for (std::size_t e = 0; e < x.size(); ++e)
            out[e] = static_cast<T>(static_cast<double>(x[e]) * (t / (t + 1)));
    };
}

/// The network "gauss": the exact prediction for data N(0.3, 0.5^2), of the named kind, where
/// `level_at(t)` is the noise level at time t.
template <class T>
network<T> gauss_network(std::function<diffusion::noise_level(double)> level_at,
                         const std::string& kind) {
    return [level_at = std::move(level_at), kind](const std::vector<T>& x, double t,
                                                  std::vector<T>& out) {
        constexpr double m = 0.3, s = 0.5;
        const auto [alpha, sigma, lambda] = level_at(t);
        const double d = alpha * alpha * s * s + sigma * sigma;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double u = static_cast<double>(x[e]) - alpha * m;
            const double eps = u * sigma / d, x0 = m + u * alpha * s * s / d;
            const double v = alpha * eps - sigma * x0;
            out[e] = static_cast<T>(kind == "epsilon"        ? eps
                                    : kind == "sample"       ? x0
                                    : kind == "v_prediction" ? v
                                                             : eps - x0);
        }
    };
}

/// Any denoiser on std::vector<T>, so that a test file compiles one run a rule and not one a
/// combination of settings.
template <class T>
struct any_denoiser {
    using X = std::vector<T>;
    std::function<void(const X&, const diffusion::node&, X&)> data;
    std::function<void(const X&, const diffusion::node&, X&, X&)> data_and_noise,
        data_and_raw_noise;
    std::function<void(const diffusion::node&)> refuse;

    template <class D>
    static any_denoiser of(D denoise) {
        namespace detail = diffusion::detail;
        return {
            [denoise](const X& x, const diffusion::node& t, X& x0) mutable { denoise(x, t, x0); },
            [denoise](const X& x, const diffusion::node& t, X& x0, X& eps) mutable {
                detail::denoise_with_noise(denoise, x, t, x0, eps);
            },
            [denoise](const X& x, const diffusion::node& t, X& x0, X& eps) mutable {
                detail::denoise_with_raw_noise(denoise, x, t, x0, eps);
            },
            [denoise](const diffusion::node& t) { detail::check_denoiser(denoise, t); }};
    }

    void operator()(const X& x, const diffusion::node& t, X& x0) const { data(x, t, x0); }
    void with_noise(const X& x, const diffusion::node& t, X& x0, X& eps) const {
        data_and_noise(x, t, x0, eps);
    }
    void with_raw_noise(const X& x, const diffusion::node& t, X& x0, X& eps) const {
        data_and_raw_noise(x, t, x0, eps);
    }
    void check(const diffusion::node& t) const { refuse(t); }
};

/// The settings of a diffusers scheduler.
struct settings {
    std::string kind = "epsilon";
    double clip = 0;            ///< clips to [-clip, clip] unless 0
    bool thresholding = false;  ///< goes before clipping
    double ratio = 0.995, largest = 1;
};

inline settings settings_of(const record& c, bool clips_by_default) {
    settings s;
    s.kind = c.text("config.prediction_type", "epsilon");
    if (c.flag("config.clip_sample", clips_by_default))
        s.clip = c.number("config.clip_sample_range", 1);
    s.thresholding = c.flag("config.thresholding", false);
    s.ratio = c.number("config.dynamic_thresholding_ratio", 0.995);
    s.largest = c.number("config.sample_max_value", 1);
    return s;
}

template <class T, class D>
any_denoiser<T> bounded(D denoise, const settings& s) {
    if (s.thresholding)
        return any_denoiser<T>::of(diffusion::dynamic_threshold(
            std::move(denoise), std::vector<T>(elements_of_x), s.ratio, s.largest, items));
    if (s.clip > 0)
        return any_denoiser<T>::of(diffusion::clipped(std::move(denoise), -s.clip, s.clip));
    return any_denoiser<T>::of(std::move(denoise));
}

template <class T>
any_denoiser<T> denoiser_of(network<T> net, const settings& s) {
    if (s.kind == "sample") return bounded<T>(diffusion::predicts_data(std::move(net)), s);
    if (s.kind == "v_prediction")
        return bounded<T>(diffusion::predicts_velocity(std::move(net)), s);
    if (s.kind == "flow_prediction") return bounded<T>(diffusion::predicts_flow(std::move(net)), s);
    return bounded<T>(diffusion::predicts_noise(std::move(net)), s);
}

/// The betas of a named schedule, from the library's own.
inline std::vector<double> betas_of(const std::string& name, double first, double last,
                                    std::size_t T) {
    std::vector<double> betas(T);
    for (std::size_t t = 0; t < T; ++t)
        betas[t] = name == "linear"          ? diffusion::linear_beta{first, last}(t, T)
                   : name == "scaled_linear" ? diffusion::scaled_linear_beta{first, last}(t, T)
                   : name == "sigmoid"       ? diffusion::sigmoid_beta{first, last}(t, T)
                                             : diffusion::cosine_beta{}(t, T);
    return betas;
}

inline schedule schedule_of(const record& c) {
    std::vector<double> betas =
        betas_of(c.text("config.beta_schedule", "linear"), c.number("config.beta_start", 1e-4),
                 c.number("config.beta_end", 0.02), c.count("config.num_train_timesteps", 1000));
    const schedule levels = diffusion::discrete_schedule_of(std::move(betas));
    return c.flag("config.rescale_betas_zero_snr", false) ? diffusion::zero_terminal_snr(levels)
                                                          : levels;
}

template <class T>
network<T> network_of(const record& c, std::function<diffusion::noise_level(double)> level_at) {
    if (c.text("model") == "dummy") return dummy_network<T>();
    return gauss_network<T>(std::move(level_at), c.text("config.prediction_type", "epsilon"));
}

/// The times of a scheduler by the library's spacings; a list of its own if it was given one.
inline std::vector<double> times_of(const record& c, const std::string& default_spacing) {
    if (c.has("set_timesteps.timesteps")) return c.numbers("set_timesteps.timesteps");
    const std::size_t T = c.count("config.num_train_timesteps", 1000);
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const std::string spacing = c.text("config.timestep_spacing", default_spacing);
    if (spacing == "trailing") return diffusion::trailing_times(T, n);
    if (spacing == "linspace") return diffusion::linspace_times(T, n);
    return diffusion::leading_times(T, n, c.count("config.steps_offset", 0));
}

/// A run by the library's own loop.
template <class T, class Sampler>
trajectory<T> run(const Sampler& sampler, any_denoiser<T> denoise) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    counted_noise noise;
    diffusion::sample(path.last, sampler, denoise, noise, [&](const auto& view) {
        if (view.i < 3) path.steps.push_back(view.x);
    });
    return path;
}

/// One step of a reference, wherever it begins and ends.
struct interval {
    diffusion::node t, s;
};

/// A run on any intervals, also ones that overlap or are empty, by a rule of order 1 alone.
template <class T, class Rule>
trajectory<T> run_on(const std::vector<interval>& intervals, const Rule& rule,
                     any_denoiser<T> denoise) {
    static_assert(Rule::order == 1);
    constexpr bool with_raw_noise = Rule::extrapolates == diffusion::prediction::data_and_noise;
    trajectory<T> path;
    path.last = initial_sample<T>();
    std::vector<T>& x = path.last;
    std::vector<T> x0(x.size()), eps(x.size()), z(x.size());
    counted_noise noise;
    for (const auto& [t, s] : intervals) {
        if (with_raw_noise) denoise.with_raw_noise(x, t, x0, eps);
        else denoise(x, t, x0);
        const auto kernel = rule(std::span<const diffusion::node>(&t, 1), s);
        if (kernel.c != 0) noise(z, {});
        using diffusion::ref;
        ref(x) = kernel.a * ref(x) + kernel.b[0] * ref(x0) + kernel.c * ref(z);
        if constexpr (with_raw_noise) ref(x) = 1 * ref(x) + kernel.b[1] * ref(eps);
        if (path.steps.size() < 3) path.steps.push_back(x);
    }
    return path;
}

/// The references' second output for learned variances, v in [-1, 1], as a weight in [0, 1].
inline double learned_weight(std::size_t e) {
    return (1 + 0.9 * std::sin(0.05 * static_cast<double>(e + 1))) / 2;
}

/// A run with learned variances, element by element, by the bare kernels. `lowest` is what the
/// reference raises log(beta-tilde) to. No noise in a step from t = 0.
template <class T>
trajectory<T> run_with_learned_range(const std::vector<interval>& intervals,
                                     any_denoiser<T> denoise, double lowest = -INFINITY) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    std::vector<T>& x = path.last;
    std::vector<T> x0(x.size()), z(x.size());
    counted_noise noise;
    for (const auto& [t, s] : intervals) {
        denoise(x, t, x0);
        diffusion::learned_range_kernel kernel = diffusion::learned_range(t, s);
        kernel.log_variance_small = std::max(kernel.log_variance_small, lowest);
        const bool noisy = t.t > 0;
        if (noisy) noise(z, {});
        for (std::size_t e = 0; e < x.size(); ++e) {
            const auto [a, b, std] = kernel.at(learned_weight(e));
            x[e] =
                static_cast<T>(a * static_cast<double>(x[e]) + b[0] * static_cast<double>(x0[e]) +
                               (noisy ? std * static_cast<double>(z[e]) : 0));
        }
        if (path.steps.size() < 3) path.steps.push_back(x);
    }
    return path;
}
template <class T>
trajectory<T> run_with_learned_range(const diffusion::time_grid& grid, any_denoiser<T> denoise,
                                     double lowest = -INFINITY) {
    std::vector<interval> intervals;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) intervals.push_back({grid[i], grid[i + 1]});
    return run_with_learned_range<T>(intervals, std::move(denoise), lowest);
}

/// The error of a run that the library may refuse; infinite if it does.
template <class Run>
double error_of(const record& reference, Run&& run_it) {
    try {
        return relative_error(reference, run_it());
    } catch (const std::invalid_argument&) {
        return INFINITY;
    }
}

/// Notes how a case was met, given the errors of both ways to run it.
inline void judge(tally& result, const record& c, double own, double by_kernels) {
    const double limit = tolerance(c);
    result.add(c.id,
               own <= limit          ? verdict::agrees
               : by_kernels <= limit ? verdict::by_kernels
                                     : verdict::differs,
               "relative error " + diffusion::detail::shown(own) +
                   " by the library's own grid and rule, " + diffusion::detail::shown(by_kernels) +
                   " by the kernels on the reference's intervals");
}

}  // namespace golden
