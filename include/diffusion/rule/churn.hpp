#pragma once
// L4: noise before a step, for any singlestep rule.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// How much noise algorithm 2 of Karras et al. 2022 adds: S_churn (over all steps), S_tmin and
/// S_tmax (levels rho = sigma/alpha between which it does), S_noise (the standard deviation of z).
struct churn {
    double amount = 0, from = 0, to = std::numeric_limits<double>::infinity(), noise = 1;
};

namespace detail {

inline void require_churn(const churn& how) {
    constexpr const char* function = "diffusion::churned";
    const auto valid = [](double v) { return v >= 0 && std::isfinite(v); };
    detail::require(valid(how.amount), function, "S_churn must be finite and not negative",
                    how.amount);
    detail::require(valid(how.from), function, "S_tmin must be finite and not negative", how.from);
    detail::require(how.to >= how.from, function, "S_tmax must not lie below S_tmin", how.to);
    detail::require(valid(how.noise), function, "S_noise must be finite and not negative",
                    how.noise);
}

}  // namespace detail

/// A singlestep rule with churn: before step i of n the state is noised to rho_hat = (1 + gamma)
/// rho_t, gamma = min(S_churn/n, sqrt(2) - 1), by q(x_that | x_t), and the step goes from there.
/// `nodes` gives the node of any rho:
///
///     singlestep(churned(heun{}, nodes_of{schedule}, {.amount = 40}), grid)
///
/// Not for `brownian_noise`: the levels that two steps rise through may overlap, and there its
/// noise is the same.
///
/// Throws std::invalid_argument for a negative amount, from or noise, for from > to, and where
/// `nodes` refuses rho_hat.
template <singlestep_rule Rule, class Nodes>
struct churned {
    Rule rule;
    Nodes nodes;
    churn how;
    static constexpr std::size_t evaluations = Rule::evaluations;
    static constexpr prediction combines = Rule::combines;

    churned(Rule rule_, Nodes nodes_, churn how_)
        : rule(std::move(rule_)), nodes(std::move(nodes_)), how(how_) {
        detail::require_churn(how);
    }

    stages<evaluations> operator()(const grid_step& step) const {
        const double rho = step.t.sigma / step.t.alpha;
        const double gamma = std::min(how.amount / static_cast<double>(step.n), std::sqrt(2.0) - 1);
        if (gamma == 0 || rho < how.from || rho > how.to) return rule(step);
        const node risen = nodes((1 + gamma) * rho);
        stages<evaluations> result = rule({step.i, step.n, risen, step.s});
        result.stir = forward_kernel(step.t, risen);
        result.stir.c *= how.noise;
        return result;
    }
};
template <singlestep_rule Rule, class Nodes>
churned(Rule, Nodes, churn) -> churned<Rule, Nodes>;
template <multistep_rule Rule, class Nodes>
churned(Rule, Nodes, churn) -> churned<one_evaluation<Rule>, Nodes>;

}  // namespace diffusion
