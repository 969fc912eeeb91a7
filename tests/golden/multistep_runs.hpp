#pragma once
// What the runs of the diffusers schedulers in the manner of DPM-Solver share: their nodes, and
// what the network is told there.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/schedule/shifted_flow.hpp>

#include "runs.hpp"

namespace golden {

/// The sigma grid of a case: "karras", "exponential", "beta", "lu" or none.
inline std::string sigma_grid_of(const record& c) {
    for (const char* name : {"karras", "exponential", "beta"})
        if (c.flag(std::string("config.use_") + name + "_sigmas", false)) return name;
    return c.flag("config.use_lu_lambdas", false) ? "lu" : "";
}

/// The reference rounds the times of two grids to the nearest integer, but not on the cosine
/// schedule; in the end all are rounded down.
inline double told_on_sigma_grid(const std::string& kind, bool cosine, double t) {
    return (kind == "karras" || kind == "lu") && !cosine ? std::nearbyint(t) : std::floor(t);
}

/// n times of n + 1 that are spread down to (nearly) 0, so that the last step is no shorter than
/// the others; a lower bound of lambda cuts off the noisiest times first.
inline std::vector<double> times_of_case(const record& c, const schedule& levels) {
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

/// Flow matching: sigma evenly from 1 - 1/T down to 0, bent by the shift.
inline std::vector<double> flow_times(const record& c) {
    const double T = static_cast<double>(c.count("config.num_train_timesteps", 1000));
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const double shift = c.flag("config.use_dynamic_shifting", false)
                             ? std::exp(c.number("set_timesteps.mu"))
                             : c.number("config.flow_shift", 1);
    std::vector<double> times = diffusion::flow_times(n + 1, 1 - 1 / T, 0);
    times.pop_back();
    return diffusion::shifted_times(times, shift);
}

/// A run of such a scheduler. Where the grid is a list of levels that ends at its lowest, the
/// reference has that one twice: its last step does nothing, and the grid leaves it out
/// (`ends_empty`).
struct multistep_case {
    diffusion::time_grid grid;
    std::function<double(double)> told = [](double t) { return t; };
    bool ends_empty = false;

    /// What the network is told in the reference's calls.
    std::vector<double> told_times() const {
        std::vector<double> times;
        for (std::size_t i = 0; i + (ends_empty ? 0 : 1) < grid.size(); ++i)
            times.push_back(told(grid[i].t));
        return times;
    }
};

/// Reads a case that ends at clean data, or (sigma_min) at the lowest level.
inline multistep_case multistep_case_of(const record& c, bool to_sigma_min) {
    multistep_case result;
    const auto end = to_sigma_min ? diffusion::grid_end::last_time : diffusion::grid_end::clean;
    if (c.flag("config.use_flow_sigmas", false)) {
        result.grid = diffusion::make_grid(diffusion::flow_schedule{}, flow_times(c), end);
        result.told = [T = c.number("config.num_train_timesteps", 1000)](double t) {
            return std::floor(T * t);
        };
        result.ends_empty = to_sigma_min;
        return result;
    }
    schedule levels = schedule_of(c);
    const std::string kind = sigma_grid_of(c);
    if (kind.empty()) {
        std::vector<double> times = times_of_case(c, levels);
        if (to_sigma_min) times.push_back(0);
        result.grid = diffusion::make_grid(levels, times, end);
        return result;
    }
    // Levels between the schedule's ends need finite ones; the reference's are.
    if (levels(levels.t_max()).alpha == 0)
        levels = diffusion::zero_terminal_snr(levels, std::ldexp(1, -24));
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    const diffusion::sigma_range range = diffusion::sigma_range_of(levels);
    result.grid =
        diffusion::grid_of_sigmas(levels,
                                  kind == "karras" ? diffusion::karras_sigmas(n, range)
                                  : kind == "beta" ? diffusion::beta_sigmas(n, range)
                                                   : diffusion::exponential_sigmas(n, range),
                                  {.end = end});
    const bool cosine = c.text("config.beta_schedule", "linear") == "squaredcos_cap_v2";
    result.told = [kind, cosine](double t) { return told_on_sigma_grid(kind, cosine, t); };
    result.ends_empty = to_sigma_min;
    return result;
}

/// The network "gauss" at a time of the grid.
inline std::function<diffusion::noise_level(double)> levels_on(const diffusion::time_grid& grid) {
    return [grid](double t) -> diffusion::noise_level {
        for (const diffusion::node& n : grid)
            if (n.t == t) return n;
        throw std::logic_error("no such time");
    };
}

/// The denoiser of a case on nodes that may differ from its own in their levels, not in their
/// times.
template <class T>
any_denoiser<T> denoiser_on(const record& c, const multistep_case& run,
                            const diffusion::time_grid& nodes) {
    network<T> net = network_of<T>(c, levels_on(nodes));
    if (c.text("model") == "dummy")
        net = [net, told = run.told](const std::vector<T>& x, double t, std::vector<T>& out) {
            net(x, told(t), out);
        };
    return denoiser_of<T>(net, settings_of(c, false));
}

/// All cases of a file on the nodes that `case_of` reads: what the network is told, the run in
/// double, and in float the end. `run` is called as run(T{}, case, nodes).
template <class CaseOf, class Run>
void check_family(const std::string& family, CaseOf case_of, Run run) {
    tally result(family);
    double worst_float = 0;
    for (const record& c : read(family)) {
        CAPTURE(c.id);
        const multistep_case its = case_of(c);
        CHECK(its.told_times() == c.numbers("timesteps"));
        const double own = error_of(c, [&] { return run(double{}, c, its); });
        judge(result, c, own, own);
        const double in_float = final_error(c, run(float{}, c, its).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}

}  // namespace golden
