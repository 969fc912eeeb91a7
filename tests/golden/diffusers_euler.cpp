// Euler, Euler ancestral and Heun against diffusers' EulerDiscreteScheduler,
// EulerAncestralDiscreteScheduler and HeunDiscreteScheduler.

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "published_churn.hpp"
#include "sigma_space_runs.hpp"

using namespace diffusion;
using namespace golden;

namespace {

/// How EulerDiscreteScheduler makes x0-hat of what the network says.
published_churn churn_of(const record& c) {
    const std::string kind = c.text("config.prediction_type", "epsilon");
    const churn how{c.number("step.s_churn", 0), c.number("step.s_tmin", 0),
                    c.number("step.s_tmax", INFINITY), c.number("step.s_noise", 1)};
    if (kind == "sample") return {how, [](double) { return affine_reading{0, 1}; }, false};
    if (kind == "epsilon") return {how, [](double s) { return affine_reading{1, -s}; }, true};
    return {how,
            [](double s) {
                return affine_reading{1 / (1 + s * s), -s / std::sqrt(1 + s * s)};
            },
            false};
}

/// interpolation_type "log_linear": n + 1 levels over all of the schedule, of which n are left.
bool spans_schedule(const record& c) {
    return c.text("config.interpolation_type", "linear") == "log_linear" &&
           !c.flag("config.use_exponential_sigmas", false);
}

time_grid euler_grid(const record& c) {
    if (!spans_schedule(c)) return sigma_space_grid(c);
    const schedule levels = schedule_of(c);
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    return in_sigma_space(
        grid_of_sigmas(levels, exponential_sigmas(n + 1, sigma_range_of(levels)),
                       {.end = grid_end::last_time, .outside = outside_range::hold_time}));
}

/// With the times that the reference tells the network: on these levels they are those of others.
time_grid as_told(const record& c, time_grid grid) {
    if (!spans_schedule(c)) return grid;
    const std::vector<double> times = times_of(c, "linspace");
    for (std::size_t i = 0; i < times.size(); ++i) grid[i].t = times[i];
    return grid;
}

}  // namespace

TEST_CASE("Euler's method gives the numbers of diffusers' EulerDiscreteScheduler") {
    check_sigma_space("diffusers_euler", [](const record& c) -> sigma_space_outcome {
        const time_grid grid = euler_grid(c), told = as_told(c, grid);
        const double start = c.number("init_noise_sigma", 1);
        const published_churn published = churn_of(c);
        const singlestep ours(churned(euler, sigma_node, published.how), grid);
        const singlestep theirs(published, told);
        const auto error = [&](const auto& sampler) {
            return error_of(c, [&] {
                return run_from<double>(start, sampler, sigma_space_denoiser<double>(c));
            });
        };
        return {raises_last_alpha(c) ? INFINITY : error(ours), error(theirs),
                run_from<float>(start, theirs, sigma_space_denoiser<float>(c)).last};
    });
}

TEST_CASE("Euler ancestral gives the numbers of diffusers' EulerAncestralDiscreteScheduler") {
    check_sigma_space("diffusers_euler_ancestral", [](const record& c) -> sigma_space_outcome {
        const multistep sampler(euler_ancestral(), sigma_space_grid(c));
        const double start = c.number("init_noise_sigma", 1);
        const double error = error_of(
            c, [&] { return run_from<double>(start, sampler, sigma_space_denoiser<double>(c)); });
        return {raises_last_alpha(c) ? INFINITY : error, error,
                run_from<float>(start, sampler, sigma_space_denoiser<float>(c)).last};
    });
}

TEST_CASE("Heun's method gives the numbers of diffusers' HeunDiscreteScheduler") {
    check_sigma_space("diffusers_heun", [](const record& as_stored) -> sigma_space_outcome {
        const record c = with_betas(as_stored, 0.00085, 0.012);
        const singlestep sampler(heun{}, sigma_space_grid(c));
        const double start = c.number("init_noise_sigma", 1);
        const double own = error_of(c, [&] {
            return run_asked_from<double>(start, sampler, sigma_space_denoiser<double>(c), 1);
        });
        return {own, own, run_from<float>(start, sampler, sigma_space_denoiser<float>(c)).last};
    });
}
