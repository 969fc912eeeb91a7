#pragma once
// L4: noise after a step, for any singlestep rule that does not ask at its end.

#include <cmath>
#include <cstddef>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// A deterministic singlestep rule made ancestral (Crowson 2022, k-diffusion): it goes too far, to
/// a cleaner level, and the noise that is missing at s is drawn afresh,
///
///     std = eta sigma_s sqrt(1 - e^{-2h}),     sigma_down^2 = sigma_s^2 - std^2,
///     x_s = rule(t -> (alpha_s, sigma_down)) + std z,
///
/// h = lambda_s - lambda_t, the split of `ddim`: with DDIM (Euler) inside it is `ddim{eta}`. No
/// noise in the step to clean data. The flow and the noise both carry marginals to marginals, so
/// the distribution at the end converges with the order of the rule (weak order). Throws
/// std::invalid_argument for eta < 0, for eta > 1 where std > sigma_s, for cleanest < 0, for a rule
/// with noise of its own, and for one that asks the network at the level it goes to, as Heun's
/// does: no time of the schedule belongs to (alpha_s, sigma_down). It never goes below `cleanest`,
/// in sigma/alpha; there is less noise where it would.
template <singlestep_rule Rule>
struct ancestral {
    Rule rule;
    double eta, cleanest;
    static constexpr std::size_t evaluations = Rule::evaluations;
    static constexpr prediction combines = Rule::combines;

    ancestral(Rule rule_, double eta_ = 1, double cleanest_ = 0)
        : rule(std::move(rule_)), eta(eta_), cleanest(cleanest_) {
        detail::require(cleanest >= 0, "diffusion::ancestral", "cleanest must not be negative",
                        cleanest);
    }

    stages<evaluations> operator()(const grid_step& step) const {
        const node& s = step.s;
        detail::ddim_split split(step.t, s, eta);
        if (split.direction < s.alpha * cleanest) {
            split.direction = s.alpha * cleanest;
            const double rest = (s.sigma - split.direction) * (s.sigma + split.direction);
            // A rest of rounding size is no noise.
            split.std = rest > 1e-14 * s.sigma * s.sigma ? std::sqrt(rest) : 0;
        }
        node down = s;
        if (split.std > 0) {
            down.sigma = split.direction;
            down.lambda = std::log(down.alpha / down.sigma);
        }
        stages<evaluations> result = rule({step.i, step.n, step.t, down});
        for (std::size_t k = 0; k < result.count; ++k)
            detail::require(result.at[k] != down, "diffusion::ancestral",
                            "the rule must not ask the network at the end of its step; it does in "
                            "step number",
                            step.i);
        double& last = result.to[result.count - 1].c;
        detail::require(last == 0, "diffusion::ancestral",
                        "the rule must be deterministic; its noise at the end of the step is",
                        last);
        last = split.std;
        return result;
    }
};
template <singlestep_rule Rule>
ancestral(Rule) -> ancestral<Rule>;
template <singlestep_rule Rule>
ancestral(Rule, double) -> ancestral<Rule>;
template <singlestep_rule Rule>
ancestral(Rule, double, double) -> ancestral<Rule>;
template <multistep_rule Rule>
ancestral(Rule) -> ancestral<one_evaluation<Rule>>;
template <multistep_rule Rule>
ancestral(Rule, double) -> ancestral<one_evaluation<Rule>>;

}  // namespace diffusion
