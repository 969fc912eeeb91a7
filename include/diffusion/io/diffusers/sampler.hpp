#pragma once
// The method of a scheduler config on its nodes. Where the reference departs from its own published
// method, the departure is here, and only here.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/detail/with_order.hpp>
#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/io/diffusers/nodes.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/random/scaled_noise.hpp>
#include <diffusion/rule/ancestral_flow.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/rule/lms.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/rule/unipc.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>

namespace diffusion::io {

namespace detail {

// ---- what the reference does and the library does not
// -----------------------------------------------

/// DDPM: the small variance is raised to 1e-20, the large one is added in the step to clean data
/// too, and only a step from t = 0 has no noise.
struct ddpm_of_reference {
    reverse_variance variance;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        gaussian_kernel<1> kernel = reverse_kernel(t, s, variance);
        if (variance == reverse_variance::large) kernel.c = forward_kernel(s, t).c;
        kernel.c = t.t > 0 ? std::max(kernel.c, 1e-10) : 0;
        return kernel;
    }
};

/// The SDE form of DPM-Solver++ 3M: -1/2 stands for +1/2 in the weight of the quadratic term D_2.
struct misprinted_sde_3m : dpm_solver_pp_3m {
    gaussian_kernel<3> operator()(std::span<const node> seen, const node& s) const {
        gaussian_kernel<3> kernel = dpm_solver_pp_3m{eta, form}(seen, s);
        if (seen.size() < 3) return kernel;
        const double h = s.lambda - seen[0].lambda;
        std::array<double, 3> u{};
        for (std::size_t k = 0; k < 3; ++k) u[k] = (seen[k].lambda - seen[0].lambda) / h;
        const auto D_2 = diffusion::detail::lagrange_weights<3>(u, 3, {0, 0, 1});
        for (std::size_t k = 0; k < 3; ++k) kernel.b[k] -= s.alpha * D_2[k];
        return kernel;
    }
};

/// iPNDM: at pure noise, where eps-hat says nothing about the data, x0-hat counts as 0.
struct ipndm_of_reference {
    static constexpr std::size_t order = 4;
    static constexpr prediction extrapolates = prediction::noise;

    gaussian_kernel<4> operator()(std::span<const node> seen, const node& s) const {
        if (seen[0].alpha == 0) return {0, {s.sigma}, 0};
        return ipndm<4>{}(seen, s);
    }
};

/// PNDM as one multistep method on the last `Ring` predictions. Its start asks at states that it
/// leaves again, x_1 = a x + b m; what follows from x is written with x = (x_1 - b m)/a. With
/// `velocity` the m_k are v-hat, and their sum is read as eps-hat with the x and the level at the
/// beginning of the step.
template <std::size_t Ring>
struct pndm_of_reference {
    bool velocity = false;
    static constexpr std::size_t order = Ring;
    static constexpr prediction extrapolates = prediction::noise;

    using phi_step = gaussian_kernel<1>;

    /// DDIM's step on the extrapolated prediction.
    phi_step phi(const node& t, const node& s) const {
        const phi_step step = diffusion::detail::exponential_noise_step(t, s, 0);
        if (!velocity) return step;
        return {step.a + step.b[0] * t.sigma, {step.b[0] * t.alpha}, 0};
    }

    /// now, from the x from which `left` led here with the prediction of `ago` evaluations before:
    /// now.a x + now.b sum_k weights[k] m_k.
    static gaussian_kernel<Ring> instead(const phi_step& left, std::size_t ago, const phi_step& now,
                                         std::initializer_list<double> weights) {
        const double back = now.a / left.a;
        gaussian_kernel<Ring> kernel{back, {}, 0};
        std::size_t k = 0;
        for (const double w : weights) kernel.b[k++] = now.b[0] * w;
        kernel.b[ago] -= back * left.b[0];
        return kernel;
    }

    /// The Adams-Bashforth step on the predictions so many evaluations ago.
    static gaussian_kernel<Ring> adams(const phi_step& now, std::span<const std::size_t> ago) {
        const auto w = diffusion::detail::adams_weights<4>({0, -1, -2, -3}, ago.size());
        gaussian_kernel<Ring> kernel{now.a, {}, 0};
        for (std::size_t k = 0; k < ago.size(); ++k) kernel.b[ago[k]] = now.b[0] * w[k];
        return kernel;
    }

    /// Only the functions above know enough.
    gaussian_kernel<Ring> operator()(std::span<const node>, const node&) const { return {}; }
};

/// Euler with churn: the network is asked before the noise is added. What it says is then read at
/// the state with noise; unless it is eps-hat, a VP scheduler reads it at the old level, EDM at the
/// new one.
struct churn_of_reference {
    churn how;
    double n;  ///< over how many steps it is spread
    std::string prediction_type;
    double sigma_data = 0;  ///< of EDM; 0 for VP
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const double rho = noise_to_signal(t), end = noise_to_signal(s);
        const double gamma =
            rho >= how.from && rho <= how.to ? std::min(how.amount / n, std::sqrt(2.0) - 1) : 0;
        const double risen = (1 + gamma) * rho, h = end - risen;
        const double std = how.noise * std::sqrt(risen * risen - rho * rho);
        double x = 0, x0 = 0, z = 0;  // the slope's weights, for y = x/alpha
        if (sigma_data > 0) {
            const precondition_weights old = edm_scaling{sigma_data}({0, 1, rho, -std::log(rho)}),
                                       now =
                                           edm_scaling{sigma_data}({0, 1, risen, -std::log(risen)});
            x0 = -now.out / old.out / risen;
            z = (1 - now.skip) / risen;
            x = z - x0 * old.skip;
        } else {
            x = prediction_type == "epsilon" ? 1 / rho : 1 / risen;
            x0 = -x;
            z = prediction_type == "epsilon"        ? 0
                : prediction_type == "v_prediction" ? (1 - 1 / (1 + rho * rho)) / risen
                                                    : 1 / risen;
        }
        return {s.alpha / t.alpha * (1 + h * x), {s.alpha * h * x0}, s.alpha * std * (1 + h * z)};
    }
};

/// Another sampler with more or less noise in its steps.
template <class S>
struct with_scaled_noise {
    S inner;
    double factor;

    std::size_t size() const { return inner.size(); }
    const time_grid& grid() const { return inner.grid(); }
    auto asked(std::size_t i) const { return inner.asked(i); }
    template <tensor X>
    auto init(const X& x) const {
        return inner.init(x);
    }
    template <class Memory>
    const auto& x0(const Memory& memory) const {
        return inner.x0(memory);
    }
    template <tensor X, class Memory, class D, class Z>
    void step(std::size_t i, X& x, Memory& memory, D&& denoise, Z&& noise) const {
        inner.step(i, x, memory, denoise, scaled_noise(noise, factor));
    }
};

// ---- kernels on given steps
// ------------------------------------------------------------------------

/// A multistep method whose kernels were made elsewhere.
template <class Rule>
struct planned : multistep<Rule> {
    template <class KernelOf>
    planned(time_grid grid, KernelOf kernel_of)
        : multistep<Rule>(std::move(grid), std::move(kernel_of)) {}
};

/// A rule on the steps of a config; step i sees at most count(i) nodes.
template <class Rule, class Count>
planned<Rule> on_steps(const Rule& rule, const config_steps& steps, Count count) {
    return {steps.grid, [&](const time_grid& grid, std::size_t i) {
                const std::size_t seen = std::min({count(i), i + 1, Rule::order});
                std::array<node, Rule::order> nodes{};
                for (std::size_t k = 0; k < seen; ++k) nodes[k] = grid[i - k];
                return rule(std::span<const node>(nodes.data(), seen), steps.ends[i]);
            }};
}
template <class Rule>
planned<Rule> on_steps(const Rule& rule, const config_steps& steps) {
    return on_steps(rule, steps, [](std::size_t) { return Rule::order; });
}

/// A rule that sees at most so many nodes.
template <class Rule>
struct at_most : Rule {
    std::size_t count;

    at_most(const Rule& rule, std::size_t most) : Rule(rule), count(most) {}
    auto operator()(std::span<const node> seen, const node& s) const {
        return Rule::operator()(seen.size() > count ? seen.first(count) : seen, s);
    }
};

/// The order of step i of DPM-Solver, which falls towards the end of short runs.
inline auto falling_orders(const scheduler_config& c, const config_steps& steps, bool first_last) {
    const std::size_t n = steps.counted();
    const bool falls = c.lower_order_final && n < 15;
    return [=, order = c.solver_order, skipped = steps.skipped](std::size_t step) {
        const std::size_t i = step + skipped;
        if (i + 1 == n && (falls || first_last)) return std::size_t{1};
        if (i + 2 == n && falls) return std::min<std::size_t>(order, 2);
        return order;
    };
}

// ---- the methods
// ------------------------------------------------------------------------------------

template <tensor X>
any_sampler<X> dpm_solver_of(const scheduler_config& c, const config_steps& steps) {
    const bool on_noise = c.algorithm_type == "dpmsolver" || c.algorithm_type == "sde-dpmsolver";
    const double eta =
        c.algorithm_type.starts_with("sde-") || c.class_name.starts_with("Cosine") ? 1 : 0;
    const auto form = c.solver_type == "heun" ? two_node_form::heun : two_node_form::midpoint;
    const auto count = falling_orders(
        c, steps,
        c.euler_at_final || (c.final_sigmas_type == "zero" && has_field(c, "final_sigmas_type")));
    const auto by = [&](const auto& rule) { return any_sampler<X>(on_steps(rule, steps, count)); };
    if (c.solver_order == 1 && !on_noise) return by(ddim{eta});
    if (c.solver_order == 3) {
        if (on_noise) return by(dpm_solver_3m{eta, form});
        if (eta == 0) return by(dpm_solver_pp_3m{eta, form});
        diffusion::detail::require(!in_edm_style(c), grid_function,
                                   "the reference fails with sde-dpmsolver++ of solver_order 3");
        return by(misprinted_sde_3m{{eta, form}});
    }
    return on_noise ? by(dpm_solver_2m{eta, form}) : by(dpm_solver_pp_2m{eta, form});
}

template <tensor X, prediction Prediction>
any_sampler<X> unipc_of(const scheduler_config& c, const config_steps& steps) {
    time_grid grid = steps.grid;
    if (steps.ends_empty) grid.push_back(grid.back());  // its evaluation corrects the last step
    unipc_options options{c.solver_type == "bh1" ? bh1 : bh2,
                          c.lower_order_final ? last_steps::falling_order : last_steps::full_order,
                          {}};
    for (const std::size_t i : c.disable_corrector)
        if (i + 2 < grid.size()) options.uncorrected.push_back(i);  // the last has no corrector
    return diffusion::detail::with_order<3>(c.solver_order, [&](auto order) {
        return any_sampler<X>(unipc<order(), Prediction>(grid, options));
    });
}

template <tensor X, prediction Prediction>
any_sampler<X> sa_solver_of(const scheduler_config& c, const config_steps& steps,
                            const constant_tau& tau) {
    time_grid grid = steps.grid;
    if (steps.ends_empty) grid.push_back(grid.back());
    return diffusion::detail::with_order<4>(c.corrector_order, [&](auto order) {
        return any_sampler<X>(predictor_corrector(
            at_most(sa_predictor<4, Prediction>{tau}, c.predictor_order),
            sa_corrector<order(), Prediction>{tau}, grid,
            c.lower_order_final ? last_steps::falling_order : last_steps::full_order));
    });
}

/// PLMS: the second evaluation is at the end of the first step, which it does again with the mean
/// of both, as if it came from T/n above its own time. Later steps do not hear of it.
template <tensor X>
any_sampler<X> plms_of(const scheduler_config& c, const config_steps& steps) {
    const pndm_of_reference<5> rule{c.prediction_type == "v_prediction"};
    const training_levels levels(c);
    const double stride = steps.grid[0].t - steps.ends[0].t;
    time_grid grid = steps.grid;
    if (steps.size() > 1) grid.insert(grid.begin() + 1, grid[1]);  // told twice
    return any_sampler<X>(
        planned<pndm_of_reference<5>>(grid, [&](const time_grid& at, std::size_t i) {
            if (i == 1)
                return rule.instead(rule.phi(at[0], steps.ends[0]), 1,
                                    rule.phi(levels.at(at[1].t + stride), at[1]), {0.5, 0.5});
            std::vector<std::size_t> ago;
            for (std::size_t k = 0; k <= i && ago.size() < 4; ++k)
                if (i - k != 1) ago.push_back(k);
            return rule.adams(rule.phi(at[i], steps.ends[i == 0 ? 0 : i - 1]), ago);
        }));
}

/// Runge-Kutta in the first three steps; of each of them the first evaluation is remembered.
template <tensor X>
any_sampler<X> prk_of(const scheduler_config& c, const config_steps& steps) {
    require_run(steps.size() >= 4, "PNDM with its Runge-Kutta start takes at least 4 steps",
                steps.size());
    const pndm_of_reference<13> rule{c.prediction_type == "v_prediction"};
    const training_levels levels(c);
    const double half = std::floor((steps.grid[0].t - steps.ends[0].t) / 2);
    time_grid grid;
    for (std::size_t j = 0; j < 3; ++j) {
        const node r = levels.at(steps.grid[j + 1].t + half);
        grid.insert(grid.end(), {steps.grid[j], r, r, steps.grid[j + 1]});
    }
    grid.insert(grid.end(), steps.grid.begin() + 3, steps.grid.end());
    return any_sampler<X>(
        planned<pndm_of_reference<13>>(grid, [&](const time_grid& at, std::size_t i) {
            if (i < 12) {
                const node &t = at[i / 4 * 4], &r = at[i / 4 * 4 + 1], &s = at[i / 4 * 4 + 3];
                const auto to_middle = rule.phi(t, r), to_end = rule.phi(t, s);
                const auto first = rule.phi(t, levels.at(t.t - half));
                if (i % 4 == 0) return rule.adams(first, std::vector<std::size_t>{0});
                if (i % 4 == 1) return rule.instead(first, 1, to_middle, {1});
                if (i % 4 == 2) return rule.instead(to_middle, 1, to_end, {1});
                return rule.instead(to_end, 1, to_end, {1. / 6, 2. / 6, 2. / 6, 1. / 6});
            }
            std::vector<std::size_t> ago;
            for (std::size_t k = 0; ago.size() < 4; k += i - k > 12 ? 1 : 4) ago.push_back(k);
            return rule.adams(rule.phi(at[i], steps.ends[i - 9]), ago);
        }));
}

/// The nodes of a class between those of its grid, told exactly.
struct told_levels {
    training_levels levels;

    node operator()(double rho) const {
        return training_levels::with_rho(levels.time_of(rho), rho);
    }
};

/// Stages on the nodes of the grid, in groups of solver_order. With lower_order_final an even
/// number of steps of order 2 ends with two of order 1; without it full groups are kept where they
/// come out even and do not end at clean data.
template <tensor X, std::size_t K, prediction Prediction>
any_sampler<X> singlestep_dpm_of(const scheduler_config& c, const config_steps& steps) {
    time_grid fine = steps.grid;
    if (steps.ends_empty) fine.push_back(fine.back());
    const std::size_t n = fine.size() - 1;
    std::vector<std::size_t> groups;
    if (!c.lower_order_final && fine.back().sigma > 0 && n % K == 0) {
        groups.assign(n / K, K);
    } else {
        groups = call_groups(fine, K);
        if (c.lower_order_final && K == 2 && groups.back() == 2) {
            groups.back() = 1;
            groups.push_back(1);
        }
    }
    if (steps.ends_empty && groups.back() == 1) {
        fine.pop_back();
        groups.pop_back();
    }
    const auto form = c.solver_type == "heun" ? singlestep_form::taylor : singlestep_form::midpoint;
    const double eta = c.algorithm_type.starts_with("sde-") ? 1 : 0;
    const dpm_solver_singlestep<K, Prediction, at_nodes> rule{{fine}, form, eta};
    return any_sampler<X>(singlestep(rule, coarse(fine, groups)));
}

/// CogVideoX's SDE-DPM-Solver++ 2M on the steps of DDIM.
template <tensor X>
any_sampler<X> cogvideox_dpm_of(const config_steps& steps) {
    return any_sampler<X>(on_steps(dpm_solver_pp_2m{1}, steps, [&](std::size_t i) {
        return std::size_t{i + 1 == steps.size() ? 1u : 2u};
    }));
}

[[noreturn]] inline void no_method(const scheduler_config& c, const std::string& why) {
    throw std::invalid_argument("diffusion::io::scheduler_config::sampler: " + c.class_name + ": " +
                                why);
}

}  // namespace detail

template <tensor X>
any_sampler<X> scheduler_config::sampler(std::size_t n, const run_options& run) const {
    using namespace detail;
    const config_steps steps = steps_of(*this, n, run);
    const auto by = [&](const auto& rule) { return any_sampler<X>(on_steps(rule, steps)); };
    const double share = run.eta.value_or(eta);
    if (is_one_of(*this, {"DDIMScheduler", "DDIMParallelScheduler"}))
        return run.use_clipped_model_output ? by(ddim{share}) : by(ddim_published{share});
    if (class_name == "DDIMInverseScheduler") return by(ddim_inversion{});
    if (class_name == "CogVideoXDDIMScheduler") return by(ddim{});
    if (class_name == "CogVideoXDPMScheduler") return cogvideox_dpm_of<X>(steps);
    if (is_one_of(*this, {"DDPMScheduler", "DDPMParallelScheduler", "UnCLIPScheduler"})) {
        if (variance_type == "learned_range") return any_sampler<X>(learned_variance(steps.grid));
        if (variance_type == "learned")
            no_method(*this,
                      "variance_type: the variances themselves as an output, \"learned\", "
                      "are not offered; \"learned_range\" is");
        return by(ddpm_of_reference{variance_type == "fixed_large" ? reverse_variance::large
                                                                   : reverse_variance::small});
    }
    if (class_name == "DDPMWuerstchenScheduler") {
        // The last step, to a level that is nearly clean, is the mean alone.
        return any_sampler<X>(planned<ddpm>(steps.grid, [](const time_grid& grid, std::size_t i) {
            gaussian_kernel<1> kernel = reverse_kernel(grid[i], grid[i + 1]);
            if (grid[i + 1].t == 0) kernel.c = 0;
            return kernel;
        }));
    }
    if (is_one_of(*this, {"DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler",
                          "EDMDPMSolverMultistepScheduler", "CosineDPMSolverMultistepScheduler"}))
        return dpm_solver_of<X>(*this, steps);
    if (class_name == "DEISMultistepScheduler")
        return diffusion::detail::with_order<3>(solver_order, [&](auto order) {
            return any_sampler<X>(
                on_steps(deis<order()>{}, steps, falling_orders(*this, steps, false)));
        });
    if (class_name == "UniPCMultistepScheduler")
        return predict_x0 ? unipc_of<X, prediction::data>(*this, steps)
                          : unipc_of<X, prediction::noise>(*this, steps);
    if (class_name == "SASolverScheduler") {
        const constant_tau tau = run.tau.value_or(constant_tau{1, 200, 800});
        return algorithm_type == "data_prediction"
                   ? sa_solver_of<X, prediction::data>(*this, steps, tau)
                   : sa_solver_of<X, prediction::noise>(*this, steps, tau);
    }
    if (class_name == "PNDMScheduler")
        return skip_prk_steps ? plms_of<X>(*this, steps) : prk_of<X>(*this, steps);
    if (class_name == "IPNDMScheduler") return by(ipndm_of_reference{});
    if (class_name == "DPMSolverSinglestepScheduler")
        return diffusion::detail::with_order<3>(solver_order, [&](auto order) {
            return algorithm_type == "dpmsolver"
                       ? singlestep_dpm_of<X, order(), prediction::noise>(*this, steps)
                       : singlestep_dpm_of<X, order(), prediction::data>(*this, steps);
        });
    if (class_name == "LMSDiscreteScheduler")
        return diffusion::detail::with_order<4>(run.order,
                                                [&](auto order) { return by(lms<order()>{}); });
    const auto with_noise = [&](auto method) {
        const double factor = run.s_noise.value_or(s_noise);
        return factor == 1 ? any_sampler<X>(std::move(method))
                           : any_sampler<X>(with_scaled_noise<any_sampler<X>>{
                                 any_sampler<X>(std::move(method)), factor});
    };
    if (class_name == "EulerAncestralDiscreteScheduler")
        return with_noise(on_steps(ddim{1}, steps));
    if (is_one_of(*this, {"EulerDiscreteScheduler", "EDMEulerScheduler"})) {
        if (run.stir.amount == 0) return by(ddim{});
        const std::size_t levels = steps.counted() + (interpolation_type == "log_linear" ? 1 : 0);
        return by(churn_of_reference{run.stir, static_cast<double>(levels), prediction_type,
                                     in_edm_style(*this) ? sigma_data : 0});
    }
    if (class_name == "HeunDiscreteScheduler")
        return any_sampler<X>(singlestep(heun{}, steps.grid));
    if (class_name == "KDPM2DiscreteScheduler")
        return any_sampler<X>(singlestep(dpm2(told_levels{training_levels(*this)}), steps.grid));
    if (class_name == "KDPM2AncestralDiscreteScheduler")
        return with_noise(
            singlestep(dpm2_ancestral(told_levels{training_levels(*this)}), steps.grid));
    if (class_name == "DPMSolverSDEScheduler")
        return with_noise(
            singlestep(dpm_solver_pp_sde(told_levels{training_levels(*this)}), steps.grid));
    if (class_name == "FlowMatchLCMScheduler" || stochastic_sampling)
        return by(consistency_sampling{});
    if (class_name == "FlowMatchHeunDiscreteScheduler")
        return any_sampler<X>(singlestep(flow_heun{}, steps.grid));
    if (is_one_of(*this, {"FlowMatchEulerDiscreteScheduler", "FlowMapEulerDiscreteScheduler",
                          "MiniMaxH3Scheduler"}))
        return by(ddim{});
    if (class_name == "LTXEulerAncestralRFScheduler")
        return with_noise(on_steps(ancestral_flow{share}, steps));
    if (is_one_of(*this, {"LCMScheduler", "SCMScheduler"})) return by(consistency_sampling{});
    if (class_name == "TCDScheduler") return by(tcd{schedule(), run.eta.value_or(0.3)});
    if (class_name == "CMStochasticIterativeScheduler")
        return with_noise(on_steps(consistency_sampling{sigma_min.value_or(0.002)}, steps));
    if (class_name == "ScoreSdeVeScheduler")
        return any_sampler<X>(langevin_corrected(reverse_diffusion{.noise_at_end = true},
                                                 steps.grid, {snr, correct_steps, run.items}));
    if (class_name == "RePaintScheduler")
        return any_sampler<X>(singlestep(
            ddim{share}, repaint_path(steps.grid, {run.jump_length, run.jump_n_sample})));
    no_method(*this, "there is no sampler for this class");
}

}  // namespace diffusion::io
