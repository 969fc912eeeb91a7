#pragma once
// L5: what a sampler made by its name may be told, and who checks that it wanted to hear it.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/detail/with_order.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/gradient_estimation.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/restart.hpp>
#include <diffusion/sampler/singlestep.hpp>

namespace diffusion {

/// What a method may be told beside its grid. Each has some of these; what is left out has the
/// method's own default.
struct sampler_options {
    std::optional<double> eta{};                   ///< share of fresh noise; gamma of TCD
    std::optional<std::size_t> order{};            ///< the K of lms<K> and its kin
    std::optional<std::size_t> corrector_order{};  ///< the C of sa_solver<P, C>
    std::optional<prediction> on{};                ///< data or noise, what is extrapolated
    std::optional<last_steps> ending{};            ///< how a multistep method ends
    std::optional<two_node_form> form{};           ///< midpoint, heun, or bh1 and bh2 of UniPC
    std::optional<singlestep_form> stages{};       ///< of singlestep DPM-Solvers
    std::optional<reverse_variance> variance{};    ///< DDPM's
    std::optional<variance_output> output{};       ///< what a learned variance is
    std::optional<churn> stir{};                   ///< noise before a step
    std::optional<double> tau{};                   ///< SA-Solver's noise
    std::optional<double> floor{};                 ///< of consistency_sampling
    std::optional<langevin> corrections{};         ///< at every level
    std::optional<repaint_jumps> jumps{};          ///< of RePaint
    std::optional<adaptive_options> adaptive{};    ///< tolerances of dpm_adaptive
    std::optional<double> gamma{};                 ///< of gradient_estimation
    std::optional<std::vector<restart_interval>> restarts{};  ///< none: plain Heun
};

namespace detail {

struct no_schedule {};

/// A schedule (or none), a grid and options; notes which of the options a method asks for.
template <tensor X, class S>
class sampler_request {
public:
    sampler_request(std::string_view name, const S& schedule, const time_grid& grid,
                    const sampler_options& options)
        : name_(name), schedule_(schedule), grid_(grid), options_(options) {}

    const time_grid& grid() const { return grid_; }

    double eta(double otherwise = 0) { return take("eta", options_.eta, otherwise); }
    std::size_t order(std::size_t otherwise) { return take("order", options_.order, otherwise); }
    std::size_t corrector_order(std::size_t otherwise) {
        return take("corrector_order", options_.corrector_order, otherwise);
    }
    prediction on(prediction otherwise) { return take("on", options_.on, otherwise); }
    last_steps ending(last_steps otherwise = last_steps::full_order) {
        return take("ending", options_.ending, otherwise);
    }
    two_node_form form() { return take("form", options_.form, two_node_form::midpoint); }
    singlestep_form stages() { return take("stages", options_.stages, singlestep_form::published); }
    reverse_variance variance() {
        return take("variance", options_.variance, reverse_variance::small);
    }
    variance_output output() { return take("output", options_.output, variance_output::range); }
    double tau() { return take("tau", options_.tau, 1.0); }
    double floor() { return take("floor", options_.floor, 0.0); }
    langevin corrections() { return take("corrections", options_.corrections, langevin{}); }
    repaint_jumps jumps() { return take("jumps", options_.jumps, repaint_jumps{}); }
    adaptive_options adaptive() { return take("adaptive", options_.adaptive, adaptive_options{}); }
    double gamma() { return take("gamma", options_.gamma, gradient_estimation{}.gamma); }
    std::vector<restart_interval> restarts() { return take("restarts", options_.restarts, {}); }

    template <class Sampler>
    any_sampler<X> any(Sampler sampler) const {
        return any_sampler<X>(std::move(sampler));
    }
    template <class Rule>
    any_sampler<X> multi(const Rule& rule) {
        return any(multistep(rule, grid_, ending()));
    }
    template <class Rule>
    any_sampler<X> single(const Rule& rule) const {
        return any(singlestep(rule, grid_));
    }
    /// With churn where that is asked for.
    template <class Rule>
    any_sampler<X> stirred(const Rule& rule) {
        const churn how = take("stir", options_.stir, churn{});
        require_churn(how);
        if (how.amount == 0) return single(rule);
        return with_nodes([&](auto nodes) {
            nodes.outside = outside_range::hold_time;
            return single(churned(rule, nodes, how));
        });
    }

    /// multi(rule_of(K)) for the order K that is asked for.
    template <std::size_t Most, class RuleOf>
    any_sampler<X> multi_of(std::size_t otherwise, RuleOf rule_of) {
        return by_order<Most>(otherwise, [&](auto k) { return multi(rule_of(k)); });
    }
    /// f(K) for the order K that is asked for.
    template <std::size_t Most, class F>
    any_sampler<X> by_order(std::size_t otherwise, F f) {
        const std::size_t k = order(otherwise);
        if (k < 1 || k > Most) refuse("the order must lie in 1 .. " + std::to_string(Most), k);
        return with_order<Most>(k, f);
    }
    /// f(prediction) for what is to be extrapolated.
    template <class F>
    any_sampler<X> by_prediction(F f) {
        const prediction p = on(prediction::data);
        if (p == prediction::data_and_noise)
            refuse("on must be prediction::data or prediction::noise", p);
        if (p == prediction::data) return f(std::integral_constant<prediction, prediction::data>{});
        return f(std::integral_constant<prediction, prediction::noise>{});
    }
    /// single(rule_of(nodes)) for rules that ask the network between the nodes of the grid.
    template <class RuleOf>
    any_sampler<X> inside(RuleOf rule_of) {
        return with_nodes([&](auto nodes) { return single(rule_of(nodes)); });
    }
    template <class F>
    any_sampler<X> with_nodes(F f) {
        if constexpr (noise_schedule<S>) return f(nodes_of{schedule_});
        else
            refuse(
                "this method asks the network between the nodes of the grid; give make_sampler the "
                "schedule too, before the grid; the method is",
                name_);
    }
    template <class F>
    any_sampler<X> with_schedule(F f) {
        return with_nodes([&](const auto& nodes) { return f(nodes.schedule); });
    }

    /// Throws std::invalid_argument if an option was given that the method did not ask for.
    void require_all_taken() const {
        const auto check = [&](const char* option, bool given) {
            std::string known;
            for (const std::string_view taken : taken_) {
                if (taken == option) return;
                known += (known.empty() ? "; it has " : ", ") + std::string(taken);
            }
            if (given)
                refuse("\"" + std::string(name_) + "\" has no option " + option +
                       (known.empty() ? "; it has none" : known));
        };
        check("eta", options_.eta.has_value());
        check("order", options_.order.has_value());
        check("corrector_order", options_.corrector_order.has_value());
        check("on", options_.on.has_value());
        check("ending", options_.ending.has_value());
        check("form", options_.form.has_value());
        check("stages", options_.stages.has_value());
        check("variance", options_.variance.has_value());
        check("output", options_.output.has_value());
        check("stir", options_.stir.has_value());
        check("tau", options_.tau.has_value());
        check("floor", options_.floor.has_value());
        check("corrections", options_.corrections.has_value());
        check("jumps", options_.jumps.has_value());
        check("adaptive", options_.adaptive.has_value());
        check("gamma", options_.gamma.has_value());
        check("restarts", options_.restarts.has_value());
    }

    template <class... V>
    [[noreturn]] static void refuse(const std::string& rule, const V&... got) {
        reject("diffusion::make_sampler", rule.c_str(), got...);
    }

private:
    template <class V>
    V take(std::string_view option, const std::optional<V>& given, const V& otherwise) {
        taken_.push_back(option);
        return given.value_or(otherwise);
    }

    std::string_view name_;
    const S& schedule_;
    const time_grid& grid_;
    const sampler_options& options_;
    std::vector<std::string_view> taken_;
};

}  // namespace detail
}  // namespace diffusion
