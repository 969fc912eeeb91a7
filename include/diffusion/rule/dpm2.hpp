#pragma once
// L4: the midpoint method in sigma/alpha.

#include <cmath>
#include <cstddef>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// DPM2 ("KDPM2": DPM-Solver-2 of Lu et al. 2022a, algorithm 1, as k-diffusion has it in rho): the slope
/// eps-hat of dy/drho = eps-hat, y = x/alpha and rho = sigma/alpha, at the middle r in log rho,
///
///     y_r = y_t + (rho_r - rho_t) eps-hat(x_t, t),     rho_r = sqrt(rho_t rho_s),
///     y_s = y_t + (rho_s - rho_t) eps-hat(x_r, r).
///
/// `nodes` gives the node of any rho:  singlestep(dpm2{nodes_of{schedule}}, grid). Order 2 in rho, two
/// evaluations a step, one in a step to clean data. Throws std::invalid_argument where alpha = 0 and for
/// a step that begins at clean data.
template <class Nodes>
struct dpm2 {
    Nodes nodes;
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::noise;

    stages<2> operator()(const grid_step& step) const {
        constexpr const char* function = "diffusion::dpm2";
        detail::require(step.t.sigma > 0, function, "sigma must be positive where a step begins",
                        step.t.sigma);
        const auto middle = [&] { return nodes(std::exp(-0.5 * (step.t.lambda + step.s.lambda))); };
        return detail::two_slopes(step, function, middle, 1);
    }
};
template <class Nodes>
dpm2(Nodes) -> dpm2<Nodes>;

/// "DPM2 ancestral" ("KDPM2 ancestral", Crowson 2022, k-diffusion). With eta = 1 the middle is the grid's
/// own next level.
template <class Nodes>
ancestral<dpm2<Nodes>> dpm2_ancestral(Nodes nodes, double eta = 1) {
    return {{std::move(nodes)}, eta};
}

}  // namespace diffusion
