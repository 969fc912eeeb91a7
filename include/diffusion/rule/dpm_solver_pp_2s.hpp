#pragma once
// L4: DPM-Solver++ of two evaluations a step, and its two stochastic forms.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/stages.hpp>

namespace diffusion {

/// DPM-Solver++(2S) (Lu et al. 2022b, algorithm 1): x0-hat is asked again at the share r of the step in
/// lambda, and a DDIM step is made with the two extrapolated to the middle,
///
///     x_r = DDIM(x_t; t -> r with D_0),     lambda_r = lambda_t + r (lambda_s - lambda_t),
///     x_s = DDIM(x_t; t -> s with (1 - 1/(2r)) D_0 + 1/(2r) D_r).
///
/// With eta > 0 both are `ddim{eta}`, each with noise of its own: "DPM++ SDE" (Crowson 2022, k-diffusion;
/// eta = 1, r = 1/2). The noise of x_r and of x_s are increments over nested intervals; `brownian_noise`
/// draws them from one path, as published. `nodes` gives the node of any rho = sigma/alpha:
///
///     singlestep(dpm_solver_pp_2s{nodes_of{schedule}}, grid)
///
/// Order 2 for eta = 0, weak order 1 otherwise. Two evaluations a step, one in a step to clean data.
/// Throws std::invalid_argument for eta < 0, for eta > 1 where a level has less noise than that asks for,
/// for r outside (0, 1), and for a step of infinite h but the one to clean data.
template <class Nodes>
struct dpm_solver_pp_2s {
    Nodes nodes;
    double eta = 0, r = 0.5;
    static constexpr std::size_t evaluations = 2;
    static constexpr prediction combines = prediction::data;

    stages<2> operator()(const grid_step& step) const {
        constexpr const char* function = "diffusion::dpm_solver_pp_2s";
        const auto& [i, n, t, s] = step;
        detail::require(r > 0 && r < 1, function, "r must lie in (0, 1)", r);
        detail::require(std::isfinite(t.lambda), function,
                        "lambda must be finite where a step begins", t.lambda);
        const node inside =
            s.sigma > 0 ? nodes(std::exp(-(t.lambda + r * (s.lambda - t.lambda)))) : s;
        const std::array<node, 1> seen{t};
        return detail::two_stages(t, inside, s, ddim{eta}(seen, inside), ddim{eta}(seen, s),
                                  0.5 / r);
    }
};
template <class Nodes>
dpm_solver_pp_2s(Nodes) -> dpm_solver_pp_2s<Nodes>;
template <class Nodes>
dpm_solver_pp_2s(Nodes, double) -> dpm_solver_pp_2s<Nodes>;
template <class Nodes>
dpm_solver_pp_2s(Nodes, double, double) -> dpm_solver_pp_2s<Nodes>;

/// "DPM++ SDE" of k-diffusion, DPMSolverSDE of diffusers.
template <class Nodes>
dpm_solver_pp_2s<Nodes> dpm_solver_pp_sde(Nodes nodes, double eta = 1, double r = 0.5) {
    return {std::move(nodes), eta, r};
}

/// "DPM++ 2S ancestral" (Crowson 2022, k-diffusion).
template <class Nodes>
ancestral<dpm_solver_pp_2s<Nodes>> dpm_solver_pp_2s_ancestral(Nodes nodes, double eta = 1) {
    return {{std::move(nodes)}, eta};
}

}  // namespace diffusion
