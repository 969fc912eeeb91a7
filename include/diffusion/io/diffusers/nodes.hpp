#pragma once
// The nodes that a scheduler of diffusers visits, and what it tells the network there. The one
// place that knows how each class turns its fields into times and noise levels.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <numbers>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/distilled.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/io/diffusers/config.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/schedule/shifted_snr.hpp>
#include <diffusion/schedule/trigflow.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>

namespace diffusion::io {

namespace detail {

/// The steps of a run. Step i asks the network at grid[i] and goes to ends[i]; where a class does
/// not step to its own next node, that is not grid[i + 1].
struct config_steps {
    time_grid grid;
    std::vector<node> ends;
    /// The reference has one more step, from the last level to itself.
    bool ends_empty = false;
    /// Steps that were left out at the start.
    std::size_t skipped = 0;

    std::size_t size() const { return grid.size() - 1; }
    /// How many steps the reference counts.
    std::size_t counted() const { return skipped + size() + (ends_empty ? 1 : 0); }
};

inline bool is_one_of(const scheduler_config& c, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), c.class_name) != names.end();
}

inline bool has_field(const scheduler_config& c, std::string_view field) {
    const auto found = class_defaults().find(c.class_name);
    return found != class_defaults().end() && found->second.contains(std::string(field));
}

inline constexpr const char* grid_function = "diffusion::io::scheduler_config::grid";

inline void require_run(bool ok, const std::string& rule, const auto& got) {
    diffusion::detail::require(ok, grid_function, rule.c_str(), got);
}

/// Classes that count in sigma and whose state is x sqrt(1 + sigma^2).
inline bool in_sigma_space(const scheduler_config& c) {
    return is_one_of(c, {"EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler",
                         "HeunDiscreteScheduler", "LMSDiscreteScheduler", "KDPM2DiscreteScheduler",
                         "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler"});
}
/// Multistep and singlestep solvers of the DPM-Solver kind.
inline bool in_dpm_style(const scheduler_config& c) {
    return is_one_of(c, {"DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler",
                         "DEISMultistepScheduler", "UniPCMultistepScheduler", "SASolverScheduler"});
}
inline bool in_edm_style(const scheduler_config& c) {
    return is_one_of(c, {"EDMEulerScheduler", "EDMDPMSolverMultistepScheduler",
                         "CosineDPMSolverMultistepScheduler"});
}
inline bool in_flow_style(const scheduler_config& c) {
    return is_one_of(c, {"FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler",
                         "FlowMatchLCMScheduler", "LTXEulerAncestralRFScheduler",
                         "FlowMapEulerDiscreteScheduler", "MiniMaxH3Scheduler"});
}

/// The betas of the named schedule.
inline std::vector<double> betas_of(const scheduler_config& c) {
    if (c.trained_betas) return *c.trained_betas;
    const std::size_t T = c.num_train_timesteps;
    std::vector<double> betas(T);
    const auto fill = [&](const auto& beta) {
        for (std::size_t t = 0; t < T; ++t) betas[t] = beta(t, T);
    };
    if (c.beta_schedule == "linear") fill(linear_beta{c.beta_start, c.beta_end});
    else if (c.beta_schedule == "scaled_linear") fill(scaled_linear_beta{c.beta_start, c.beta_end});
    else if (c.beta_schedule == "sigmoid") fill(sigmoid_beta{c.beta_start, c.beta_end});
    else if (c.beta_schedule == "laplace") fill(laplace_beta{.root = true});
    else if (c.beta_schedule == "exp") fill(exponential_beta{});
    else fill(cosine_beta{});
    return betas;
}

/// The levels of the training times, as the class uses them.
class training_levels {
public:
    explicit training_levels(const scheduler_config& c) {
        const auto schedule = c.schedule();
        for (std::size_t t = 0; t < schedule.size(); ++t)
            nodes_.push_back(node_at(schedule, static_cast<double>(t)));
        // Where sigma/alpha has to be finite, references raise alpha-bar of the last time from 0 to
        // 2^-24, be that above its neighbour's.
        if (nodes_.back().alpha == 0 && (in_sigma_space(c) || in_dpm_style(c))) raise();
    }

    std::size_t size() const { return nodes_.size(); }
    double last() const { return static_cast<double>(size() - 1); }
    const node& operator[](std::size_t t) const { return nodes_[t]; }
    double rho(std::size_t t) const { return noise_to_signal(nodes_[t]); }

    /// The node at any t, its sigma/alpha linear between two integers.
    node at(double t) const {
        require_run(t >= 0 && t <= last(), "every time must lie in 0 .. T-1", t);
        const auto below = static_cast<std::size_t>(t);
        const double part = t - static_cast<double>(below);
        if (part == 0) return nodes_[below];
        return with_rho(t, (1 - part) * rho(below) + part * rho(below + 1));
    }

    /// The variance-preserving node of a level; the time is told apart.
    static node with_rho(double told, double rho) {
        if (rho == 0) return {told, clean_data.alpha, clean_data.sigma, clean_data.lambda};
        const noise_level level =
            diffusion::detail::level_on(diffusion::detail::level_curve::preserving, rho);
        return {told, level.alpha, level.sigma, level.lambda};
    }

    /// The time of a level: log(sigma/alpha) is linear between the last time that is not noisier
    /// and the next one, and held at both ends.
    double time_of(double rho) const {
        const double lambda = -std::log(rho);
        std::size_t low = 0;
        for (std::size_t t = 0; t + 1 < size(); ++t)
            if (nodes_[t].lambda >= lambda) low = t;
        if (size() == 1) return 0;
        const double from = nodes_[low].lambda, to = nodes_[low + 1].lambda;
        const double part = std::clamp((from - lambda) / (from - to), 0.0, 1.0);
        return static_cast<double>(low) + part;
    }

private:
    void raise() {
        const noise_level raised = from_alpha_bar(std::ldexp(1, -24));
        nodes_.back() = {nodes_.back().t, raised.alpha, raised.sigma, raised.lambda};
    }

    std::vector<node> nodes_;
};

/// T - i T/n, rounded, minus 1, while it is positive before that. Where it is a half, the last bit
/// of NumPy's `arange` decides, so that the same operations stand here.
inline std::vector<double> times_from(std::size_t last, std::size_t T, std::size_t n) {
    std::vector<double> times;
    const auto top = static_cast<double>(last);
    const double stride = static_cast<double>(T) / static_cast<double>(n);
    const double step = (top - stride) - top;
    for (std::size_t i = 0; i < n && static_cast<double>(i) < top / stride; ++i)
        times.push_back(std::nearbyint(top + static_cast<double>(i) * step) - 1);
    return times;
}

/// n times spread evenly over 0 .. last, rounded; halves as in NumPy's `linspace`. A single one
/// is 0.
inline std::vector<double> times_up_to(std::size_t last, std::size_t n) {
    if (n == 1) return {0};
    std::vector<double> times(n, static_cast<double>(last));
    const double stride = static_cast<double>(last) / static_cast<double>(n - 1);
    for (std::size_t i = 1; i < n; ++i)
        times[i] = std::nearbyint(static_cast<double>(n - 1 - i) * stride);
    return times;
}

/// Integer times of DDPM and its kin.
inline std::vector<double> spaced_times(const scheduler_config& c, std::size_t n,
                                        const run_options& run) {
    if (!run.timesteps.empty()) return run.timesteps;
    const std::size_t T = c.num_train_timesteps;
    if (c.class_name == "UnCLIPScheduler") {
        require_run(n >= 2, "the number of steps must be at least 2", n);
        return times_up_to(T - 1, n);
    }
    if (has_field(c, "timestep_spacing")) {
        if (c.timestep_spacing == "trailing") return times_from(T, T, n);
        if (c.timestep_spacing == "linspace") return times_up_to(T - 1, n);
    }
    return leading_times(T, n, c.steps_offset);
}

/// A list of noise levels between the first and the last of others, by the name of the field that
/// asks for it; empty if none does.
inline std::vector<double> listed_sigmas(const scheduler_config& c, std::size_t n,
                                         sigma_range range) {
    if (!(c.use_karras_sigmas || c.use_exponential_sigmas || c.use_beta_sigmas || c.use_lu_lambdas))
        return {};
    if (c.sigma_min) range.lowest = *c.sigma_min;
    if (c.sigma_max) range.highest = *c.sigma_max;
    if (n == 1) return {range.highest};  // both ends may be the same then
    if (c.use_karras_sigmas) return karras_sigmas(n, range);
    if (c.use_beta_sigmas && !c.use_lu_lambdas) return beta_sigmas(n, range);
    return exponential_sigmas(n, range);  // which "lu lambdas" are too
}

inline config_steps chained(time_grid grid, bool ends_empty = false) {
    require_run(grid.size() >= 2, "there must be at least 1 step that is not empty, nodes",
                grid.size());
    config_steps steps{std::move(grid), {}, ends_empty, 0};
    steps.ends.assign(steps.grid.begin() + 1, steps.grid.end());
    return steps;
}

/// Appends the end of a run: clean data, the lowest level, or nothing where that is the last node.
inline config_steps ended(time_grid grid, const node& end) {
    if (std::isfinite(end.lambda) &&
        std::abs(grid.back().lambda - end.lambda) <= 1e-13 * (1 + std::abs(end.lambda)))
        return chained(std::move(grid), true);
    grid.push_back(end);
    return chained(std::move(grid));
}

inline node clean_end(double t = 0) {
    return {t, clean_data.alpha, clean_data.sigma, clean_data.lambda};
}

/// Latent consistency models and TCD: some of the times that they were distilled on. TCD ends at t
/// = 0.
inline config_steps distilled_steps(const scheduler_config& c, std::size_t n,
                                    const run_options& run) {
    const training_levels levels(c);
    const std::vector<double> times =
        !run.timesteps.empty()
            ? run.timesteps
            : lcm_times(c.num_train_timesteps, n,
                        run.original_inference_steps.value_or(c.original_inference_steps),
                        run.strength);
    time_grid grid;
    for (const double t : times) grid.push_back(levels.at(t));
    return ended(std::move(grid), c.class_name == "TCDScheduler" ? levels[0] : clean_end(-1));
}

/// DDPM, and the classes whose steps are T/n long wherever the next time is.
inline config_steps discrete_steps(const scheduler_config& c, std::size_t n,
                                   const run_options& run) {
    const training_levels levels(c);
    const std::vector<double> times = spaced_times(c, n, run);
    config_steps steps;
    for (const double t : times) {
        require_run(t == std::floor(t), "every time must be an integer", t);
        steps.grid.push_back(levels.at(t));
    }
    const node clean = clean_end(-1);
    if (is_one_of(
            c, {"DDPMScheduler", "DDPMParallelScheduler", "UnCLIPScheduler", "RePaintScheduler"})) {
        steps.grid.push_back(clean);
        steps = chained(std::move(steps.grid));
        for (std::size_t i = 0; i < steps.size() && !run.prev_timestep; ++i)
            steps.ends[i] = times[i] > 0 ? levels.at(times[i] - 1) : clean;
        return steps;
    }
    const node end = c.set_alpha_to_one ? clean : levels[0];
    const std::size_t whole_stride = c.num_train_timesteps / n;
    const auto stride = static_cast<double>(whole_stride);
    for (const double t : times) steps.ends.push_back(t >= stride ? levels.at(t - stride) : end);
    steps.grid.push_back(steps.ends.back());
    return steps;
}

/// From data to noise: the same steps the other way, with the network told the noisier time.
inline config_steps inverse_steps(const scheduler_config& c, std::size_t n,
                                  const run_options& run) {
    const config_steps down = discrete_steps(c, n, run);
    config_steps up;
    for (std::size_t i = down.size(); i-- > 0;) {
        node from = down.ends[i];
        from.t = down.grid[i].t;
        up.grid.push_back(from);
        up.ends.push_back(down.grid[i]);
    }
    up.grid.push_back(up.ends.back());
    return up;
}

/// DPM-Solver and its kin: n of n + 1 times, or a list of sigmas over all levels.
inline config_steps dpm_steps(const scheduler_config& c, std::size_t n, const run_options& run) {
    const std::size_t T = c.num_train_timesteps;
    const bool to_lowest = is_one_of(c, {"DEISMultistepScheduler", "SASolverScheduler"}) ||
                           c.final_sigmas_type == "sigma_min";
    time_grid grid;
    if (c.use_flow_sigmas) {
        const double shift = !(c.use_dynamic_shifting && run.mu) ? c.flow_shift
                             : c.time_shift_type == "linear"     ? *run.mu
                                                                 : std::exp(*run.mu);
        require_run(run.sigmas.empty() || run.sigmas.back() > 0,
                    "the last of the sigmas must be positive", 0);
        // From 1 - 1/T to 0, or from 1 to 1/T and then a little less than 1; the last one is cut.
        // T sigma is cut to an integer, so that the last bit decides: NumPy's operations.
        const bool from_one = c.class_name == "UniPCMultistepScheduler";
        const double step = (1 / static_cast<double>(T) - 1) / static_cast<double>(n);
        std::vector<double> sigmas = run.sigmas;
        if (from_one && c.use_karras_sigmas) {
            const training_levels levels(c);
            sigmas = listed_sigmas(c, n, {levels.rho(0), levels.rho(levels.size() - 1)});
            for (double& sigma : sigmas) sigma /= sigma + 1;
        } else {
            for (std::size_t i = 0; i < n && run.sigmas.empty(); ++i)
                sigmas.push_back(from_one ? static_cast<double>(i) * step + 1
                                 : i == 0 ? 1 - 1 / static_cast<double>(T)
                                          : 1 - (static_cast<double>(n - i) * step + 1));
            for (double& sigma : sigmas) sigma = shift * sigma / (1 + (shift - 1) * sigma);
            if (c.shift_terminal) sigmas = stretched_times(sigmas, *c.shift_terminal);
            if (from_one && sigmas.front() > 1 - 1e-6) sigmas.front() -= 1e-6;
        }
        for (const double sigma : sigmas) {
            const noise_level level = flow_schedule{}(sigma);
            grid.push_back({std::floor(static_cast<double>(T) * sigma), level.alpha, level.sigma,
                            level.lambda});
        }
        if (!to_lowest) return ended(std::move(grid), clean_end());
        if (!is_one_of(c, {"DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"}))
            return ended(grid, grid.back());
        // These two end at the number that is sigma/alpha of the betas' first level.
        const double last = training_levels(c).rho(0);
        require_run(
            last < grid.back().sigma,
            "the flow's last sigma must lie above that of final_sigmas_type = \"sigma_min\", "
            "but it is",
            grid.back().sigma);
        const noise_level level = flow_schedule{}(last);
        return ended(std::move(grid), {0, level.alpha, level.sigma, level.lambda});
    }
    const training_levels levels(c);
    const node end = to_lowest ? levels[0] : clean_end(-1);
    const std::vector<double> sigmas =
        listed_sigmas(c, n, {levels.rho(0), levels.rho(levels.size() - 1)});
    if (!sigmas.empty()) {
        // Rounded to the nearest time in two of the lists; all are cut to integers in the end.
        const bool to_nearest = (c.use_karras_sigmas || c.use_lu_lambdas) &&
                                !(is_one_of(c, {"DPMSolverMultistepScheduler"}) &&
                                  c.beta_schedule == "squaredcos_cap_v2");
        for (const double rho : sigmas) {
            const double t = levels.time_of(rho);
            grid.push_back(
                training_levels::with_rho(to_nearest ? std::nearbyint(t) : std::floor(t), rho));
        }
        return ended(grid, to_lowest ? training_levels::with_rho(0, sigmas.back()) : end);
    }
    std::size_t last = T;  // a lower bound of lambda cuts off the noisiest times first
    while (last > 0 && levels[last - 1].lambda < c.lambda_min_clipped) --last;
    require_run(last > 0, "lambda_min_clipped must leave a time, but it leaves none; it",
                c.lambda_min_clipped);
    std::vector<double> times = run.timesteps;
    if (times.empty() && c.timestep_spacing == "trailing") {
        times = times_from(last, T, n);
    } else if (times.empty()) {
        require_run(n + 1 <= last, "the number of steps must lie below the number of times", n);
        const bool leading = has_field(c, "timestep_spacing") && c.timestep_spacing == "leading";
        times = leading ? leading_times(last, n + 1, c.steps_offset) : times_up_to(last - 1, n + 1);
        times.pop_back();
    }
    for (const double t : times) grid.push_back(levels.at(t));
    return ended(grid, end);
}

/// DPM-Solver from data to noise: n of n + 1 times upwards, then the noisiest level.
inline config_steps inverse_dpm_steps(const scheduler_config& c, std::size_t n) {
    require_run(!c.use_flow_sigmas, "use_flow_sigmas is not offered for this class",
                c.use_flow_sigmas);
    const training_levels levels(c);
    std::size_t last = levels.size();
    while (last > 1 && levels[last - 1].lambda < c.lambda_min_clipped) --last;
    const node& end = levels[last - 1];
    time_grid grid;
    std::vector<double> times = listed_sigmas(c, n, {levels.rho(0), levels.rho(levels.size() - 1)});
    if (!times.empty()) {
        // Told times are integers, and each is told once; the levels are taken in their order all
        // the same, so that a list with repeated times ends before its last level.
        std::vector<double> told;
        for (auto rho = times.rbegin(); rho != times.rend(); ++rho) {
            const double t = levels.time_of(*rho);
            const double integer = c.use_karras_sigmas ? std::nearbyint(t) : std::floor(t);
            if (told.empty() || told.back() != integer) told.push_back(integer);
        }
        for (std::size_t i = 0; i < told.size(); ++i)
            grid.push_back(training_levels::with_rho(told[i], times[n - 1 - i]));
        if (told.size() == n) return ended(grid, grid.back());
        return ended(std::move(grid), training_levels::with_rho(0, times[n - 1 - told.size()]));
    }
    if (c.timestep_spacing == "trailing") {
        times = times_from(last, c.num_train_timesteps, n);
    } else {
        require_run(n + 1 <= last, "the number of steps must lie below the number of times", n);
        times = c.timestep_spacing == "leading" ? leading_times(last, n + 1, c.steps_offset)
                                                : times_up_to(last - 1, n + 1);
        times.erase(times.begin());
    }
    for (auto t = times.rbegin(); t != times.rend(); ++t) grid.push_back(levels.at(*t));
    return ended(std::move(grid), end);
}

/// Euler, Heun and their kin: times that need not be integers, or a list of sigmas between the
/// first and the last of theirs.
inline config_steps sigma_steps(const scheduler_config& c, std::size_t n, const run_options& run) {
    const training_levels levels(c);
    const auto T1 = static_cast<double>(c.num_train_timesteps - 1);
    std::vector<double> times = run.timesteps;
    if (times.empty() && run.sigmas.empty()) {
        if (c.timestep_spacing == "linspace" && n > 1)
            for (std::size_t i = 0; i < n; ++i)
                times.push_back(static_cast<double>(n - 1 - i) * T1 / static_cast<double>(n - 1));
        else if (c.timestep_spacing == "linspace") times = {0};
        else times = spaced_times(c, n, run);
    }
    time_grid grid;
    for (const double t : times) grid.push_back(levels.at(t));
    const bool continuous = c.timestep_type == "continuous" && c.prediction_type == "v_prediction";
    const bool rounds = c.use_karras_sigmas &&
                        is_one_of(c, {"KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"});
    const auto told = [&](double rho) {
        return continuous ? 0.25 * std::log(rho)
               : rounds   ? std::nearbyint(levels.time_of(rho))
                          : levels.time_of(rho);
    };
    node end = c.final_sigmas_type == "sigma_min" ? levels[0] : clean_end(-1);
    std::vector<double> sigmas = run.sigmas;
    if (!sigmas.empty()) {
        require_run(sigmas.back() == 0, "the list of sigmas must end with 0, not", sigmas.back());
        sigmas.pop_back();
    } else {
        const bool over_all = c.interpolation_type == "log_linear";
        const sigma_range range{
            over_all ? levels.rho(0) : noise_to_signal(grid.back()),
            over_all ? levels.rho(levels.size() - 1) : noise_to_signal(grid.front())};
        sigmas = c.use_karras_sigmas || c.use_exponential_sigmas || c.use_beta_sigmas
                     ? listed_sigmas(c, n, range)
                     : sigmas;
        if (sigmas.empty() && c.interpolation_type == "log_linear") {
            // n + 1 levels for n times: the run ends at the lowest of them, and the told times
            // stay.
            const std::vector<double> all =
                exponential_sigmas(n + 1, {levels.rho(0), levels.rho(levels.size() - 1)});
            for (std::size_t i = 0; i < n; ++i)
                grid[i] = training_levels::with_rho(continuous ? told(all[i]) : times[i], all[i]);
            return ended(grid, training_levels::with_rho(0, all[n]));
        }
    }
    if (!sigmas.empty()) {
        grid.clear();
        for (const double rho : sigmas) grid.push_back(training_levels::with_rho(told(rho), rho));
    } else if (continuous) {
        for (node& at : grid) at.t = told(noise_to_signal(at));
    }
    return ended(grid, end);
}

/// EDM: sigmas between two bounds; the state is not scaled.
inline config_steps edm_steps(const scheduler_config& c, std::size_t n) {
    const sigma_range range{c.sigma_min.value_or(0.002), c.sigma_max.value_or(80)};
    const std::vector<double> sigmas = c.sigma_schedule == "karras" ? karras_sigmas(n, range, c.rho)
                                                                    : exponential_sigmas(n, range);
    const bool cosine = is_one_of(c, {"CosineDPMSolverMultistepScheduler"});
    time_grid grid;
    for (const double sigma : sigmas)
        grid.push_back({cosine ? std::atan(sigma) * 2 / std::numbers::pi : std::log(sigma) / 4, 1,
                        sigma, -std::log(sigma)});
    return ended(grid, c.final_sigmas_type == "sigma_min" ? grid.back() : clean_end());
}

/// Flow matching: sigma from 1 down to 1/T, shifted.
inline config_steps flow_steps(const scheduler_config& c, std::size_t n, const run_options& run) {
    const auto T = static_cast<double>(c.num_train_timesteps);
    std::vector<double> sigmas = run.sigmas;
    if (!sigmas.empty() && sigmas.back() == 0) sigmas.pop_back();  // the end is clean anyway
    if (!run.timesteps.empty()) {
        sigmas.clear();
        for (const double t : run.timesteps) sigmas.push_back(t / T);
    }
    const bool minimax = is_one_of(c, {"MiniMaxH3Scheduler"});
    if (sigmas.empty() && (minimax || is_one_of(c, {"FlowMapEulerDiscreteScheduler"}))) {
        require_run(!minimax || n >= 2, "this class counts nodes and takes at least 2 of them", n);
        for (std::size_t i = 0; i + (minimax ? 1 : 0) < n; ++i)
            sigmas.push_back(1 -
                             static_cast<double>(i) / static_cast<double>(n - (minimax ? 1 : 0)));
    } else if (sigmas.empty()) {
        // A static shift is applied twice: to the ends when the class is made, and to all later.
        const double lowest = c.use_dynamic_shifting ? 1 / T : shifted_time(1 / T, c.shift);
        sigmas = flow_times(n, 1, lowest);
    }
    if (c.use_dynamic_shifting) {
        require_run(run.mu.has_value(),
                    "use_dynamic_shifting takes a mu, see image_mu; none was given to this class",
                    c.class_name);
        sigmas = shifted_times(sigmas, c.time_shift_type == "linear" ? *run.mu : std::exp(*run.mu));
    } else {
        sigmas = shifted_times(sigmas, c.shift);
    }
    if (c.shift_terminal) sigmas = stretched_times(sigmas, *c.shift_terminal);
    if (c.use_karras_sigmas || c.use_exponential_sigmas || c.use_beta_sigmas)
        sigmas = listed_sigmas(c, sigmas.size(), {sigmas.back(), sigmas.front()});
    time_grid grid;
    for (std::size_t i = 0; i < sigmas.size(); ++i) {
        const double sigma = sigmas[i];
        const noise_level level = flow_schedule{}(sigma);
        const double told = minimax                  ? 1 - sigma
                            : c.invert_sigmas        ? (1 - sigma) * T
                            : !run.timesteps.empty() ? run.timesteps[i]  // before the shift
                                                     : sigma * T;
        grid.push_back({told, level.alpha, level.sigma, level.lambda});
    }
    return ended(grid, clean_end());
}

/// iPNDM: sigma = sin^2(pi u/2) at equal steps of u, told as an angle.
inline config_steps ipndm_steps(std::size_t n) {
    require_run(n >= 2, "one step says nothing; the number of steps must be at least 2", n);
    time_grid grid;
    for (std::size_t i = 0; i < n; ++i) {
        const double u = static_cast<double>(n - i) / static_cast<double>(n);
        const double root = std::sin(std::numbers::pi / 2 * u);
        const double t = std::asin(root * root) * 2 / std::numbers::pi;
        grid.push_back(node_at(vp_cosine{0}, t));
    }
    return ended(grid, clean_end());
}

/// Wuerstchen: a cosine in continuous time, alpha-bar kept within [1e-4, 1 - 1e-4].
inline config_steps wuerstchen_steps(const scheduler_config& c, std::size_t n,
                                     const run_options& run) {
    std::vector<double> times = run.timesteps;
    for (std::size_t i = 0; i <= n && run.timesteps.empty(); ++i)
        times.push_back(1 - static_cast<double>(i) / static_cast<double>(n));
    time_grid grid;
    for (const double t : times) {
        const double bent = c.scaler > 1   ? 1 - std::pow(1 - t, c.scaler)
                            : c.scaler < 1 ? std::pow(t, c.scaler)
                                           : t;
        const double alpha = vp_cosine{c.s}(bent).alpha;
        const noise_level level = from_alpha_bar(std::clamp(alpha * alpha, 1e-4, 1 - 1e-4));
        grid.push_back({t, level.alpha, level.sigma, level.lambda});
    }
    return chained(std::move(grid));
}

/// Consistency models: levels out of those of the training. Their numbers, if given, count from the
/// noisiest level, in the reversed order of the list.
inline config_steps consistency_steps(const scheduler_config& c, std::size_t n,
                                      const run_options& run) {
    const sigma_range range{c.sigma_min.value_or(0.002), c.sigma_max.value_or(80)};
    std::vector<double> sigmas;
    if (run.timesteps.empty()) sigmas = consistency_sigmas(c.num_train_timesteps, n, range, c.rho);
    const std::vector<double> ladder = karras_sigmas(c.num_train_timesteps, range, c.rho);
    for (auto t = run.timesteps.rbegin(); t != run.timesteps.rend(); ++t) {
        require_run(*t >= 0 && *t < static_cast<double>(ladder.size()) && *t == std::floor(*t),
                    "timesteps of this class must be whole numbers in 0 .. T-1", *t);
        sigmas.push_back(ladder[static_cast<std::size_t>(*t)]);
    }
    time_grid grid;
    for (const double sigma : sigmas)
        grid.push_back({250 * std::log(sigma), 1, sigma, -std::log(sigma)});
    return ended(std::move(grid), clean_end());
}

/// sCM: times of TrigFlow. The reference begins at 1.5708, a little beyond pi/2.
inline config_steps scm_steps(const scheduler_config& c, std::size_t n) {
    const trigflow_schedule schedule{c.sigma_data};
    time_grid grid;
    for (std::size_t i = 0; i < n; ++i) {
        const double t =
            n == 2 && i == 1 ? 1.3 : 1.5708 * (1 - static_cast<double>(i) / static_cast<double>(n));
        const noise_level level = schedule(std::min(t, schedule.t_max()));
        grid.push_back({t, level.alpha, level.sigma, level.lambda});
    }
    return ended(std::move(grid), clean_end());
}

/// The variance-exploding SDE: levels at equal times from 1 to 0, told with sampling_eps for 0.
inline config_steps score_sde_steps(const scheduler_config& c, std::size_t n) {
    require_run(n >= 2, "the number of steps must be at least 2", n);
    const ve_geometric schedule{c.sigma_min.value_or(0.01), c.sigma_max.value_or(1348)};
    time_grid grid;
    for (std::size_t i = 0; i < n; ++i) {
        const double t = static_cast<double>(n - 1 - i) / static_cast<double>(n - 1);
        const noise_level level = schedule(t);
        grid.push_back(
            {c.sampling_eps + (1 - c.sampling_eps) * t, level.alpha, level.sigma, level.lambda});
    }
    return ended(std::move(grid), clean_end());
}

/// Throws std::invalid_argument for an option that the class does not have.
inline void require_known_options(const scheduler_config& c, const run_options& run) {
    const auto only_for = [&](bool given, bool known, const char* option) {
        require_run(!given || known, std::string(option) + " is no option of this class",
                    c.class_name);
    };
    const bool is_ddim = is_one_of(c, {"DDIMScheduler", "DDIMParallelScheduler"});
    only_for(
        !run.timesteps.empty(),
        is_ddim || in_dpm_style(c) || in_sigma_space(c) || in_flow_style(c) ||
            is_one_of(c, {"DDPMScheduler", "DDPMParallelScheduler", "LCMScheduler", "TCDScheduler",
                          "DDPMWuerstchenScheduler", "CMStochasticIterativeScheduler"}),
        "timesteps");
    require_run(
        run.timesteps.empty() || in_flow_style(c) ||
            !(c.use_karras_sigmas || c.use_exponential_sigmas || c.use_beta_sigmas ||
              c.use_lu_lambdas),
        "timesteps do not go with use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas "
        "or use_lu_lambdas; the class is",
        c.class_name);
    only_for(!run.sigmas.empty(),
             in_flow_style(c) || c.class_name == "EulerDiscreteScheduler" ||
                 (c.class_name == "UniPCMultistepScheduler" && c.use_flow_sigmas &&
                  !c.use_karras_sigmas),
             "sigmas");
    require_run(run.mu || !c.use_dynamic_shifting || c.class_name != "UniPCMultistepScheduler",
                "use_dynamic_shifting takes a mu; none was given to", c.class_name);
    only_for(run.mu.has_value(), c.use_dynamic_shifting, "mu (without use_dynamic_shifting)");
    only_for(run.eta.has_value(),
             is_ddim ||
                 is_one_of(c, {"TCDScheduler", "RePaintScheduler", "LTXEulerAncestralRFScheduler"}),
             "eta");
    only_for(run.use_clipped_model_output, is_ddim, "use_clipped_model_output");
    only_for(run.stir.amount != 0, is_one_of(c, {"EulerDiscreteScheduler", "EDMEulerScheduler"}),
             "churn");
    only_for(run.s_noise.has_value(),
             is_one_of(c, {"EulerDiscreteScheduler", "EDMEulerScheduler",
                           "EulerAncestralDiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
                           "DPMSolverSDEScheduler", "LTXEulerAncestralRFScheduler",
                           "CMStochasticIterativeScheduler"}),
             "s_noise");
    only_for(run.order != 4, c.class_name == "LMSDiscreteScheduler", "order");
    require_run(run.order >= 1 && run.order <= 4, "order must lie in 1 .. 4", run.order);
    only_for(run.tau.has_value(), c.class_name == "SASolverScheduler", "tau");
    only_for(run.strength != 1, is_one_of(c, {"LCMScheduler", "TCDScheduler"}), "strength");
    only_for(run.original_inference_steps.has_value(),
             is_one_of(c, {"LCMScheduler", "TCDScheduler"}), "original_inference_steps");
    only_for(!run.prev_timestep, c.class_name == "UnCLIPScheduler", "prev_timestep = false");
}

/// All steps of a valid config.
inline config_steps whole_steps_of(const scheduler_config& c, std::size_t n,
                                   const run_options& run) {
    require_valid(c);
    require_known_options(c, run);
    if (!run.timesteps.empty()) n = run.timesteps.size();
    else if (!run.sigmas.empty()) n = run.sigmas.size() - (run.sigmas.back() == 0 ? 1 : 0);
    require_run(n >= 1 && n <= c.num_train_timesteps, "the number of steps must lie in 1 .. T", n);
    require_run(run.timesteps.empty() || run.sigmas.empty(),
                "give either timesteps or sigmas; timesteps", run.timesteps.size());
    for (std::size_t i = 0; i < run.timesteps.size(); ++i)
        require_run(
            std::isfinite(run.timesteps[i]) && (i == 0 || run.timesteps[i] < run.timesteps[i - 1]),
            "timesteps must be finite and fall strictly", run.timesteps[i]);
    for (std::size_t i = 0; i < run.sigmas.size(); ++i)
        require_run(std::isfinite(run.sigmas[i]) && run.sigmas[i] >= 0 &&
                        (i == 0 || run.sigmas[i] < run.sigmas[i - 1]),
                    "sigmas must be finite, not negative, and fall strictly", run.sigmas[i]);
    require_run(!run.mu || std::isfinite(*run.mu), "mu must be finite", run.mu.value_or(0));
    if (in_dpm_style(c)) return dpm_steps(c, n, run);
    if (in_sigma_space(c)) return sigma_steps(c, n, run);
    if (in_edm_style(c)) return edm_steps(c, n);
    if (in_flow_style(c)) return flow_steps(c, n, run);
    if (c.class_name == "IPNDMScheduler") return ipndm_steps(n);
    if (c.class_name == "DDPMWuerstchenScheduler") return wuerstchen_steps(c, n, run);
    if (c.class_name == "DDIMInverseScheduler") return inverse_steps(c, n, run);
    if (c.class_name == "DPMSolverMultistepInverseScheduler") return inverse_dpm_steps(c, n);
    if (is_one_of(c, {"LCMScheduler", "TCDScheduler"})) return distilled_steps(c, n, run);
    if (c.class_name == "CMStochasticIterativeScheduler") return consistency_steps(c, n, run);
    if (c.class_name == "SCMScheduler") return scm_steps(c, n);
    if (c.class_name == "ScoreSdeVeScheduler") return score_sde_steps(c, n);
    return discrete_steps(c, n, run);
}

/// The steps of a valid config, without those that img2img leaves out.
inline config_steps steps_of(const scheduler_config& c, std::size_t n, const run_options& run) {
    config_steps steps = whole_steps_of(c, n, run);
    require_run(run.begin_index < steps.size(), "begin_index must leave a step", run.begin_index);
    const auto skipped = static_cast<std::ptrdiff_t>(run.begin_index);
    steps.grid.erase(steps.grid.begin(), steps.grid.begin() + skipped);
    steps.ends.erase(steps.ends.begin(), steps.ends.begin() + skipped);
    steps.skipped = run.begin_index;
    return steps;
}

}  // namespace detail

inline discrete_schedule<tabulated_beta> scheduler_config::schedule() const {
    detail::require_valid(*this);
    diffusion::detail::require(detail::has_field(*this, "beta_schedule"),
                               "diffusion::io::scheduler_config::schedule",
                               "this class has no betas", class_name);
    auto levels = discrete_schedule_of(detail::betas_of(*this));
    if (snr_shift_scale != 1) levels = shifted_snr(levels, snr_shift_scale);
    return rescale_betas_zero_snr ? zero_terminal_snr(levels) : levels;
}

inline time_grid scheduler_config::grid(std::size_t n, const run_options& run) const {
    return detail::steps_of(*this, n, run).grid;
}

inline double scheduler_config::init_noise_sigma(std::size_t n, const run_options& run) const {
    if (detail::in_edm_style(*this)) return std::hypot(sigma_max.value_or(80), 1);
    if (class_name == "ScoreSdeVeScheduler" || class_name == "CMStochasticIterativeScheduler")
        return sigma_max.value_or(80);
    if (!detail::in_sigma_space(*this)) return 1;
    const double sigma = noise_to_signal(grid(n, run).front());
    return timestep_spacing == "leading" ? std::hypot(sigma, 1) : sigma;
}

inline double scheduler_config::start_scale(std::size_t n, const run_options& run) const {
    if (!detail::in_sigma_space(*this)) return init_noise_sigma(n, run);
    return timestep_spacing == "leading" ? 1 : grid(n, run).front().sigma;
}

}  // namespace diffusion::io
