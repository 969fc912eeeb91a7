// The singlestep, multistep and adaptive DPM-Solvers against the authors' own code (Lu et al.
// 2022).

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/log_alpha_linear.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::multistep;
using diffusion::node;
using diffusion::prediction;
using diffusion::singlestep;
using diffusion::time_grid;

namespace {

/// Any schedule of the file: betas made continuous, those beyond lambda = -5.1 left out on the
/// cosine one, or the linear one of continuous time.
struct any_schedule {
    std::function<diffusion::noise_level(double)> level;
    double first;

    diffusion::noise_level operator()(double t) const { return level(t); }
    double t_min() const { return first; }
    double t_max() const { return 1; }
};

any_schedule schedule_named(const std::string& name) {
    if (name == "continuous_linear")
        return {diffusion::vp_linear{}, diffusion::vp_linear{}.t_min()};
    std::vector<double> betas = name == "linear"          ? betas_of("linear", 1e-4, 0.02, 1000)
                                : name == "scaled_linear" ? betas_of(name, 0.00085, 0.012, 1000)
                                                          : betas_of("cosine", 0, 0, 1000);
    const schedule all = diffusion::discrete_schedule_of(betas);
    while (name == "cosine" && all(static_cast<double>(betas.size() - 1)).lambda < -5.1)
        betas.pop_back();
    const diffusion::log_alpha_linear levels(diffusion::discrete_schedule_of(betas));
    return {levels, levels.t_min()};
}

/// n + 1 times from t_first to t_last, evenly spaced in lambda, in the root of t or in t.
std::vector<double> spaced(const any_schedule& levels, const std::string& spacing, std::size_t n,
                           double t_first, double t_last) {
    std::vector<double> times(n + 1, t_last);
    times[0] = t_first;
    for (std::size_t i = 1; i < n; ++i) {
        const double u = static_cast<double>(i) / static_cast<double>(n);
        const auto between = [u](double a, double b) { return (1 - u) * a + u * b; };
        times[i] = spacing == "logSNR"
                       ? diffusion::time_of_lambda(
                             levels, between(levels(t_first).lambda, levels(t_last).lambda))
                   : spacing == "time_quadratic"
                       ? std::pow(between(std::sqrt(t_first), std::sqrt(t_last)), 2)
                       : between(t_first, t_last);
    }
    return times;
}

time_grid grid_on(const any_schedule& levels, const std::vector<double>& times) {
    return diffusion::make_grid(levels, times, diffusion::grid_end::last_time);
}

/// The nodes of a singlestep run, and how many of them belong to one step. With equal steps in
/// lambda the steps are equal first, and then the evaluations in them; otherwise all evaluations
/// are equally spaced.
struct singlestep_nodes {
    time_grid fine;
    std::vector<std::size_t> groups;
};

singlestep_nodes nodes_of_case(const record& c, const any_schedule& levels) {
    const std::size_t n = c.count("kwargs.steps"), order = c.count("kwargs.order");
    const std::string spacing = c.text("kwargs.skip_type", "time_uniform");
    const double end = c.number("t_end");
    const bool fixed = c.text("kwargs.method") == "singlestep_fixed";
    singlestep_nodes result;
    result.groups =
        fixed ? std::vector<std::size_t>(n / order, order) : diffusion::call_groups(n, order);
    if (!fixed && spacing != "logSNR") {
        result.fine = grid_on(levels, spaced(levels, spacing, n, 1, end));
        return result;
    }
    const std::vector<double> outer = spaced(levels, spacing, result.groups.size(), 1, end);
    std::vector<double> times{1};
    for (std::size_t i = 0; i < result.groups.size(); ++i) {
        const std::vector<double> inner =
            spaced(levels, spacing, result.groups[i], outer[i], outer[i + 1]);
        times.insert(times.end(), inner.begin() + 1, inner.end());
    }
    result.fine = grid_on(levels, times);
    return result;
}

/// The perfect denoiser for N(0.3, 0.5^2) by the levels of the node.
struct gauss_denoiser {
    template <class T>
    void operator()(const std::vector<T>& x, const node& t, std::vector<T>& x0) const {
        const double gain = t.alpha * 0.25 / (t.alpha * t.alpha * 0.25 + t.sigma * t.sigma);
        for (std::size_t e = 0; e < x.size(); ++e)
            x0[e] = static_cast<T>(0.3 + gain * (static_cast<double>(x[e]) - t.alpha * 0.3));
    }
};

template <class T, prediction P>
trajectory<T> run_singlestep(const record& c, const any_schedule& levels,
                             const any_denoiser<T>& denoise) {
    const singlestep_nodes its = nodes_of_case(c, levels);
    const diffusion::dpm_solver_singlestep<3, P, diffusion::at_nodes> rule{{its.fine}};
    const singlestep plan(rule, diffusion::coarse(its.fine, its.groups));
    std::size_t calls = 0;
    for (std::size_t i = 0; i < plan.size(); ++i) calls += plan.stage(i).count;
    CHECK(calls == c.count("nfe"));
    trajectory<T> path;
    path.last = initial_sample<T>();
    // The reference shows x after the second step, the third and the fourth.
    diffusion::sample(path.last, plan, denoise, diffusion::no_noise{}, [&](const auto& view) {
        if (view.i >= 1 && view.i <= 3) path.steps.push_back(view.x);
    });
    return path;
}

template <class T, prediction P>
trajectory<T> run_multistep(const record& c, const any_schedule& levels,
                            const any_denoiser<T>& denoise) {
    const std::size_t n = c.count("kwargs.steps");
    time_grid grid = grid_on(levels, spaced(levels, c.text("kwargs.skip_type", "time_uniform"), n,
                                            1, c.number("t_end")));
    if (c.flag("kwargs.denoise_to_zero", false)) grid.push_back({0, 1, 0, INFINITY});
    CHECK(grid.size() - 1 == c.count("nfe"));
    const auto form = c.text("kwargs.solver_type", "dpmsolver") == "taylor"
                          ? diffusion::two_node_form::heun
                          : diffusion::two_node_form::midpoint;
    switch (c.count("kwargs.order")) {
        case 1:
            return run<T>(multistep(diffusion::exponential_adams<1, P>{}, grid), denoise);
        case 2:
            return run<T>(multistep(diffusion::dpm_solver_multistep<2, P>{0, form}, grid), denoise);
        default:
            return run<T>(multistep(diffusion::dpm_solver_multistep<3, P>{0, form}, grid), denoise);
    }
}

template <class T>
trajectory<T> run_adaptive(const record& c, const any_schedule& levels,
                           const any_denoiser<T>& denoise) {
    const time_grid grid = grid_on(levels, {1, c.number("t_end")});
    const auto plan = diffusion::dpm_adaptive<2>(diffusion::nodes_of{levels}, grid,
                                                 {.items = items}, diffusion::power_control{});
    trajectory<T> path;
    path.last = initial_sample<T>();
    auto memory = plan.init(path.last);
    plan.step(0, path.last, memory, denoise, diffusion::no_noise{});
    // The reference asks for the prediction at t again after a rejection.
    CHECK(plan.spent(memory).evaluations + plan.spent(memory).rejected == c.count("nfe"));
    return path;
}

template <class T, prediction P>
trajectory<T> run_method(const record& c) {
    const any_schedule levels = schedule_named(c.text("schedule"));
    settings s;
    s.thresholding = c.flag("thresholding", false);
    const any_denoiser<T> denoise = bounded<T>(gauss_denoiser{}, s);
    const std::string method = c.text("kwargs.method");
    if (method == "multistep") return run_multistep<T, P>(c, levels, denoise);
    if (method == "adaptive") return run_adaptive<T>(c, levels, denoise);
    return run_singlestep<T, P>(c, levels, denoise);
}

template <class T>
trajectory<T> run_case(const record& c) {
    return c.text("algorithm_type") == "dpmsolver" ? run_method<T, prediction::noise>(c)
                                                   : run_method<T, prediction::data>(c);
}

/// Whether the library's schedule has the values of the case, also by time_of_lambda. Before its
/// first time the library refuses; the reference goes on along the line through the first two
/// levels.
void compare_schedules(const record& c, tally& result) {
    const any_schedule levels = schedule_named(c.text("schedule"));
    const std::vector<double> times = c.numbers("t");
    std::vector<double> alpha, std, lambda, found, probed;
    bool refused = false;
    for (const double t : times) {
        diffusion::noise_level level{};
        if (t >= levels.t_min()) {
            level = levels(t);
            found.push_back(diffusion::time_of_lambda(levels, level.lambda));
        } else {
            CHECK_THROWS_AS(levels(t), std::invalid_argument);
            refused = true;
            const double u = t / levels.t_min() - 1;
            level =
                diffusion::variance_preserving((1 - u) * std::log(levels(levels.t_min()).alpha) +
                                               u * std::log(levels(2 * levels.t_min()).alpha));
            found.push_back(t);
        }
        alpha.push_back(level.alpha);
        std.push_back(level.sigma);
        lambda.push_back(level.lambda);
    }
    for (const double probe : c.numbers("inverse_lambda_probe"))
        probed.push_back(diffusion::time_of_lambda(levels, probe));
    const double error = std::max(
        {elementwise_error(alpha, c.numbers("alpha")), elementwise_error(std, c.numbers("std")),
         elementwise_error(lambda, c.numbers("lambda_")),
         elementwise_error(found, c.numbers("inverse_lambda_of_lambda")),
         elementwise_error(probed, c.numbers("inverse_lambda_of_probe"))});
    result.add(c.id,
               error > 1e-10 ? verdict::differs
               : refused     ? verdict::by_kernels
                             : verdict::agrees,
               "relative error " + diffusion::detail::shown(error));
}

}  // namespace

TEST_CASE("the DPM-Solvers give the numbers of their authors' code") {
    tally result("dpm_solver_official");
    double worst_float = 0;
    for (const record& c : read("dpm_solver_official")) {
        CAPTURE(c.id);
        if (c.text("kind") == "NoiseScheduleVP") {
            compare_schedules(c, result);
            continue;
        }
        const trajectory<double> path = run_case<double>(c);
        double error = final_error(c, path.last);
        for (std::size_t i = 0; i < path.steps.size() && i < 3; ++i) {
            const std::string key = "intermediates_1_to_3." + std::to_string(i);
            if (c.has(key + ".sum")) error = std::max(error, relative_error(c, key, path.steps[i]));
        }
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c).last));
    }
    result.finish();
    CHECK(worst_float < 2e-5);
}
