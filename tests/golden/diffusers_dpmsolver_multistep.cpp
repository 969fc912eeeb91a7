// DPM-Solver++ against diffusers' DPMSolverMultistepScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::last_steps;
using diffusion::time_grid;

namespace {

// The sigma grid of a case: "karras", "exponential", "beta", "lu" or none.
std::string sigma_grid_of(const record& c) {
    for (const char* name : {"karras", "exponential", "beta"})
        if (c.flag(std::string("config.use_") + name + "_sigmas", false)) return name;
    return c.flag("config.use_lu_lambdas", false) ? "lu" : "";
}

// The last of the reference's levels, the schedule's lowest, stands there twice: a step that does
// nothing, and which the library leaves out.
bool ends_empty(const record& c) {
    return !sigma_grid_of(c).empty() && c.text("config.final_sigmas_type", "zero") == "sigma_min";
}

time_grid sigma_grid(const record& c, const schedule& levels) {
    const std::string kind = sigma_grid_of(c);
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const diffusion::sigma_range range = diffusion::sigma_range_of(levels);
    return diffusion::grid_of_sigmas(
        levels,
        kind == "karras" ? diffusion::karras_sigmas(n, range)
        : kind == "beta" ? diffusion::beta_sigmas(n, range)
                         : diffusion::exponential_sigmas(n, range),
        {.end = ends_empty(c) ? diffusion::grid_end::last_time : diffusion::grid_end::clean});
}

// The reference rounds the times of two grids to the nearest integer, but not on the cosine schedule;
// in the end all are rounded down.
double told_on_sigma_grid(const record& c, double t) {
    const std::string kind = sigma_grid_of(c);
    const bool cosine = c.text("config.beta_schedule", "linear") == "squaredcos_cap_v2";
    return (kind == "karras" || kind == "lu") && !cosine ? std::nearbyint(t) : std::floor(t);
}

// Settings for which the library has a rule: data prediction of order 1 or 2.
bool has_rule(const record& c) {
    const std::string algorithm = c.text("config.algorithm_type", "dpmsolver++");
    return c.count("config.solver_order", 2) <= 2 && algorithm.ends_with("dpmsolver++");
}

// n times of n + 1 that are spread down to (nearly) 0, so that the last step is no shorter than the
// others; a lower bound of lambda cuts off the noisiest times first.
std::vector<double> times_of_case(const record& c, const schedule& levels) {
    if (c.has("set_timesteps.timesteps")) return c.numbers("set_timesteps.timesteps");
    const double lowest = c.number("config.lambda_min_clipped", -INFINITY);
    std::size_t T = levels.size();
    while (levels(static_cast<double>(T - 1)).lambda < lowest) --T;
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const std::string spacing = c.text("config.timestep_spacing", "linspace");
    if (spacing == "trailing") return diffusion::trailing_times(T, n);
    std::vector<double> times =
        spacing == "linspace"
            ? diffusion::linspace_times(T, n + 1)
            : diffusion::leading_times(T, n + 1, c.count("config.steps_offset", 0));
    times.pop_back();
    return times;
}

// Flow matching: sigma evenly from 1 - 1/T down to 0, bent by the shift.
std::vector<double> flow_times(const record& c) {
    const double T = static_cast<double>(c.count("config.num_train_timesteps", 1000));
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const double shift = c.flag("config.use_dynamic_shifting", false)
                             ? std::exp(c.number("set_timesteps.mu"))
                             : c.number("config.flow_shift", 1);
    std::vector<double> times = diffusion::flow_times(n + 1, 1 - 1 / T, 0);
    times.pop_back();
    return diffusion::shifted_times(times, shift);
}

time_grid grid_of(const record& c, const schedule& levels, std::vector<double> times) {
    if (c.text("config.final_sigmas_type", "zero") == "zero")
        return diffusion::make_grid(levels, times);
    times.push_back(0);
    return diffusion::make_grid(levels, times, diffusion::grid_end::last_time);
}

// With zero terminal SNR the reference raises alpha-bar at the noisiest time from 0 to 2^-24.
time_grid grid_of_reference(time_grid grid) {
    if (grid.front().alpha == 0) {
        const diffusion::noise_level raised = diffusion::from_alpha_bar(std::ldexp(1, -24));
        grid.front() = {grid.front().t, raised.alpha, raised.sigma, raised.lambda};
    }
    return grid;
}

template <class T>
trajectory<T> run_case(const record& c, const time_grid& grid, const any_denoiser<T>& denoise) {
    const double eta = c.text("config.algorithm_type", "dpmsolver++") == "sde-dpmsolver++" ? 1 : 0;
    const last_steps ending = ends_empty(c) ? last_steps::full_order
                              : grid.size() <= 15 && c.flag("config.lower_order_final", true)
                                  ? last_steps::falling_order
                              : c.flag("config.euler_at_final", false) ? last_steps::first_order
                                                                       : last_steps::full_order;
    if (c.count("config.solver_order", 2) == 1)
        return run<T>(diffusion::multistep(diffusion::ddim{eta}, grid, ending), denoise);
    if (c.text("config.solver_type", "midpoint") == "heun")
        return run<T>(diffusion::multistep(diffusion::exponential_adams<2>{eta}, grid, ending),
                      denoise);
    return run<T>(diffusion::multistep(diffusion::dpm_solver_pp_2m{eta}, grid, ending), denoise);
}

// The network "gauss" at a time of the grid.
std::function<diffusion::noise_level(double)> levels_on(const time_grid& grid) {
    return [grid](double t) -> diffusion::noise_level {
        for (const diffusion::node& n : grid)
            if (n.t == t) return n;
        throw std::logic_error("no such time");
    };
}

}  // namespace

TEST_CASE(
    "DPM-Solver++ of order 1 and 2 gives the numbers of diffusers' DPMSolverMultistepScheduler") {
    tally result("diffusers_dpmsolver_multistep");
    double worst_float = 0;
    for (const record& c : read("diffusers_dpmsolver_multistep")) {
        CAPTURE(c.id);
        if (!has_rule(c)) {
            result.add(c.id, verdict::differs, "there is no such rule yet");
            continue;
        }
        time_grid grid;
        std::function<double(double)> told = [](double t) { return t; };
        if (c.flag("config.use_flow_sigmas", false)) {
            grid = diffusion::make_grid(diffusion::flow_schedule{}, flow_times(c));
            told = [T = c.number("config.num_train_timesteps", 1000)](double t) {
                return std::floor(T * t);
            };
        } else {
            const schedule levels = schedule_of(c);
            if (sigma_grid_of(c).empty()) {
                grid = grid_of(c, levels, times_of_case(c, levels));
            } else {
                grid = sigma_grid(c, levels);
                told = [&c](double t) { return told_on_sigma_grid(c, t); };
            }
        }
        std::vector<double> told_times;
        for (std::size_t i = 0; i + (ends_empty(c) ? 0 : 1) < grid.size(); ++i)
            told_times.push_back(told(grid[i].t));
        CHECK(told_times == c.numbers("timesteps"));

        const auto denoiser_on = [&]<class T>(const time_grid& nodes, T) {
            network<T> net = network_of<T>(c, levels_on(nodes));
            if (c.text("model") == "dummy")
                net = [net, told](const std::vector<T>& x, double t, std::vector<T>& out) {
                    net(x, told(t), out);
                };
            return denoiser_of<T>(net, settings_of(c, false));
        };
        const time_grid theirs = grid_of_reference(grid);
        const double own =
            error_of(c, [&] { return run_case<double>(c, grid, denoiser_on(grid, 0.0)); });
        const double by_kernels =
            error_of(c, [&] { return run_case<double>(c, theirs, denoiser_on(theirs, 0.0)); });
        judge(result, c, own, by_kernels);
        const double in_float =
            final_error(c, run_case<float>(c, theirs, denoiser_on(theirs, 0.0f)).last);
        // Cosine schedule: data read from noise where alpha = 5e-5 keeps few of a float's digits,
        // here as in the reference.
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}
