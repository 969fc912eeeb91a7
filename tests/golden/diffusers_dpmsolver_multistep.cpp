// DPM-Solver and DPM-Solver++ against diffusers' DPMSolverMultistepScheduler.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
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

// A rule of two nodes held to one.
template <class Rule>
struct first_order_of {
    Rule rule;
    static constexpr std::size_t order = 1;
    static constexpr diffusion::prediction extrapolates = Rule::extrapolates;

    diffusion::gaussian_kernel<1> operator()(std::span<const diffusion::node> seen,
                                             const diffusion::node& s) const {
        const auto kernel = rule(seen, s);
        return {kernel.a, {kernel.b[0]}, kernel.c};
    }
};
template <class Rule>
first_order_of(Rule) -> first_order_of<Rule>;

// The reference's SDE form of 3M has -1/2 for +1/2 in the weight of the quadratic term D_2, which is
// then alpha_s too small and does not vanish with h.
struct misprinted_sde_3m : diffusion::dpm_solver_pp_3m {
    diffusion::gaussian_kernel<3> operator()(std::span<const diffusion::node> seen,
                                             const diffusion::node& s) const {
        diffusion::gaussian_kernel<3> kernel = diffusion::dpm_solver_pp_3m{eta, form}(seen, s);
        if (seen.size() < 3) return kernel;
        const double h = s.lambda - seen[0].lambda;
        std::array<double, 3> u{};
        for (std::size_t k = 0; k < 3; ++k) u[k] = (seen[k].lambda - seen[0].lambda) / h;
        const auto D_2 = diffusion::detail::lagrange_weights<3>(u, 3, {0, 0, 1});
        for (std::size_t k = 0; k < 3; ++k) kernel.b[k] -= s.alpha * D_2[k];
        return kernel;
    }
};

template <class T>
trajectory<T> run_case(const record& c, const time_grid& grid, const any_denoiser<T>& denoise,
                       bool as_reference = false) {
    using diffusion::multistep;
    const std::string algorithm = c.text("config.algorithm_type", "dpmsolver++");
    const bool on_data = algorithm.ends_with("++");
    const double eta = algorithm.starts_with("sde-") ? 1 : 0;
    const bool misprinted = as_reference && algorithm == "sde-dpmsolver++";
    const auto form = c.text("config.solver_type", "midpoint") == "heun"
                          ? diffusion::two_node_form::heun
                          : diffusion::two_node_form::midpoint;
    const last_steps ending = ends_empty(c) ? last_steps::full_order
                              : grid.size() <= 15 && c.flag("config.lower_order_final", true)
                                  ? last_steps::falling_order
                              : c.flag("config.euler_at_final", false) ? last_steps::first_order
                                                                       : last_steps::full_order;
    const auto by = [&](const auto& rule) {
        return run<T>(multistep(rule, grid, ending), denoise);
    };
    switch (c.count("config.solver_order", 2)) {
        case 1:
            return on_data ? by(diffusion::ddim{eta})
                           : by(first_order_of{diffusion::dpm_solver_2m{eta}});
        case 2:
            return on_data ? by(diffusion::dpm_solver_pp_2m{eta, form})
                           : by(diffusion::dpm_solver_2m{eta, form});
        default:
            if (misprinted) return by(misprinted_sde_3m{{eta, form}});
            return on_data ? by(diffusion::dpm_solver_pp_3m{eta, form})
                           : by(diffusion::dpm_solver_3m{eta, form});
    }
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
    "DPM-Solver and DPM-Solver++ give the numbers of diffusers' DPMSolverMultistepScheduler") {
    tally result("diffusers_dpmsolver_multistep");
    double worst_float = 0;
    for (const record& c : read("diffusers_dpmsolver_multistep")) {
        CAPTURE(c.id);
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
                // Levels between the schedule's ends need finite ones; the reference's are.
                const bool no_signal = levels(levels.t_max()).alpha == 0;
                grid = sigma_grid(c, no_signal
                                         ? diffusion::zero_terminal_snr(levels, std::ldexp(1, -24))
                                         : levels);
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
        const double by_kernels = error_of(
            c, [&] { return run_case<double>(c, theirs, denoiser_on(theirs, 0.0), true); });
        judge(result, c, own, by_kernels);
        const double in_float =
            final_error(c, run_case<float>(c, theirs, denoiser_on(theirs, 0.0f), true).last);
        // Cosine schedule: data read from noise where alpha = 5e-5 keeps few of a float's digits,
        // here as in the reference.
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}

TEST_CASE("The reference's SDE form of 3M is of order 1, the library's of order 2") {
    // A denoiser that says lambda^2, whatever x is: with z = 0 the equation is solved in closed form.
    const auto error = [](const auto& rule, std::size_t n) {
        const diffusion::multistep plan(
            rule, diffusion::uniform_lambda(diffusion::vp_linear{}, n, 0.8, 0.2,
                                            diffusion::grid_end::last_time));
        std::vector<double> x{1.9};
        using state = std::vector<double>;
        const auto denoise = [](const state&, const diffusion::node& t, state& x0) {
            x0[0] = t.lambda * t.lambda;
        };
        diffusion::sample(x, plan, denoise,
                          [](state& z, const diffusion::noise_address&) { z[0] = 0; });
        const diffusion::node &t = plan.grid().front(), &s = plan.grid().back();
        const auto primitive = [](double lambda) { return lambda * lambda - lambda + 0.5; };
        const double decay = std::exp(t.lambda - s.lambda);
        return std::abs(x[0] - s.sigma / t.sigma * decay * 1.9 -
                        s.alpha * (primitive(s.lambda) - decay * decay * primitive(t.lambda)));
    };
    const auto order = [&](const auto& rule) {
        return std::log2(error(rule, 128) / error(rule, 256));
    };
    CHECK(std::abs(order(diffusion::dpm_solver_pp_3m{1}) - 2) < 0.3);
    CHECK(std::abs(order(misprinted_sde_3m{{1}}) - 1) < 0.3);
}
