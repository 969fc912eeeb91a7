#pragma once
// Every sampler of the library, for what must hold of all of them. Whoever writes one adds a line.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/all.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

namespace support {

/// The perfect denoiser, which also says a variance: the small one.
struct toy_with_variance : gaussian_toy {
    template <diffusion::tensor X>
    void with_variance(const X& x, const diffusion::node& t, diffusion::owner_t<X>& x0,
                       diffusion::owner_t<X>& v) const {
        (*this)(x, t, x0);
        for (auto& e : diffusion::elements(v)) e = -1;
    }
};

template <diffusion::tensor X>
struct listed_sampler {
    std::string name;
    diffusion::any_sampler<X> plan;
    std::size_t calls;  ///< of the network, for a run to clean data; 0 if the run itself decides
    bool keeps_data;    ///< ends with the data's variance if the denoiser is E[x_0 | x_t]
};

/// All samplers of tensors like x on a grid of discrete_schedule<>, of at least 4 steps to clean data.
template <diffusion::tensor X>
std::vector<listed_sampler<X>> all_samplers(const diffusion::time_grid& grid, const X& x) {
    using namespace diffusion;
    const discrete_schedule<> schedule;
    const nodes_of nodes{schedule};
    const nodes_of held{schedule, told_time::exact, outside_range::hold_time};
    const std::size_t n = grid.size() - 1;
    const time_grid noisy(grid.begin(), grid.end() - 1);  // where clean data cannot be reached

    std::vector<listed_sampler<X>> all;
    const auto add = [&](const char* name, auto plan, std::size_t calls, bool keeps_data = true) {
        all.push_back({name, any_sampler<X>(std::move(plan)), calls, keeps_data});
    };
    const auto rule = [&](const char* name, auto r, bool keeps_data = true) {
        add(name, multistep(r, grid), n, keeps_data);
    };
    const auto stages = [&](const char* name, auto r, std::size_t calls) {
        add(name, singlestep(r, grid), calls);
    };

    rule("ddim", ddim{});
    rule("ddim, eta 0.5", ddim{0.5});
    rule("ddim, published", ddim_published{0.5});
    rule("ddpm", ddpm{});
    rule("ddpm, large variance", ddpm{reverse_variance::large});
    rule("reverse diffusion", reverse_diffusion{});
    rule("ancestral flow", ancestral_flow{});
    rule("consistency sampling", consistency_sampling{}, false);
    rule("tcd", tcd{schedule, 0.3}, false);
    rule("dpm-solver++ 2m", dpm_solver_pp_2m{});
    rule("dpm-solver++ 2m, sde", dpm_solver_pp_2m{1});
    rule("dpm-solver++ 3m", dpm_solver_pp_3m{});
    rule("dpm-solver++ 3m, sde", dpm_solver_pp_3m{1, two_node_form::heun});
    rule("dpm-solver 2m", dpm_solver_2m{});
    rule("dpm-solver 3m", dpm_solver_3m{});
    rule("exponential adams 4", exponential_adams<4>{});
    rule("exponential adams 3, sde", exponential_adams<3>{1});
    rule("deis 3", deis<3>{});
    rule("deis in time", deis_in_time<3, discrete_schedule<>>{schedule});
    rule("ipndm", ipndm<4>{});
    rule("lms", lms<4>{});
    rule("er-sde 1", er_sde<1>{});
    rule("er-sde 3", er_sde<3>{});
    rule("er-sde 3, reverse sde", er_sde<3, er_sde_reverse>{});
    rule("res, multistep", res_multistep{});
    rule("gradient estimation", gradient_estimation{});
    add("pndm", pndm(schedule, grid), n + 9);
    add("plms", pndm(grid), n + 1);
    add("unipc", unipc<3>(grid), n);
    add("unipc, noise", unipc<2, prediction::noise>(grid), n);
    add("exponential adams 2 and moulton 3",
        predictor_corrector(exponential_adams<2>{}, exponential_adams_moulton<3>{}, grid), n);
    add("sa-solver", sa_solver<3, 4>(grid), n);
    add("sa-solver, noise", sa_solver<2, 3, prediction::noise>(noisy), n - 1);

    stages("ddim, singlestep", ddim{0.5}, n);
    stages("heun", heun{}, 2 * n - 1);
    stages("heun on the straight path", flow_heun{}, 2 * n - 1);
    stages("heun with churn", churned(heun{}, held, {.amount = 5}), 2 * n - 1);
    stages("euler with churn", churned(euler, held, {.amount = 5}), n);
    stages("euler ancestral", euler_ancestral(), n);
    stages("midpoint", second_slope{nodes}, 2 * n - 1);
    stages("dpm2", dpm2(nodes), 2 * n - 1);
    stages("dpm2 ancestral", dpm2_ancestral(nodes), 2 * n - 1);
    stages("dpm-solver++ 2s", dpm_solver_pp_2s(nodes), 2 * n - 1);
    stages("dpm-solver++ 2s ancestral", dpm_solver_pp_2s_ancestral(nodes), 2 * n - 1);
    stages("dpm++ sde", dpm_solver_pp_sde(nodes), 2 * n - 1);
    stages("dpm-solver 1", dpm_solver<1>(nodes), n);
    stages("dpm-solver 2", dpm_solver<2>(nodes), 2 * n - 1);
    stages("dpm-solver 3", dpm_solver<3>(nodes), 3 * n - 2);
    stages("dpm-solver++ 3s", dpm_solver_pp<3>(nodes), 3 * n - 2);
    stages("dpm-solver++ 3s, sde", dpm_solver_pp<3>(nodes, singlestep_form::taylor, 1), 3 * n - 2);
    stages("res, singlestep", res_singlestep(nodes), 2 * n - 1);
    const auto rates = [schedule](const node& t) {  // d lambda/dt, and alpha^2 + sigma^2 = 1
        const double before = std::max(t.t - 0.5, 0.0), after = std::min(t.t + 0.5, 999.0);
        const double slope = (schedule(after).lambda - schedule(before).lambda) / (after - before);
        return level_rates{slope * t.alpha * t.sigma * t.sigma,
                           -slope * t.sigma * t.alpha * t.alpha};
    };
    stages("heun in time", heun_in_time{rates}, 2 * n - 1);
    rule("euler in time", euler_in_time{rates});
    add("dpm-solver++ 3s on the grid",
        singlestep(dpm_solver_pp<3>(at_nodes{grid}), coarse(grid, call_groups(grid, 3))), n);
    const sigma_range range{noise_to_signal(grid[n - 1]), noise_to_signal(grid[0])};
    add("dpm-solver-fast", dpm_fast(nodes, n, range), n);
    add("dpm-solver-fast, ancestral", dpm_fast(nodes, n, range, 1), n);
    add("dpm-solver-12", dpm_adaptive<2>(nodes, noisy), 0);
    add("dpm-solver-23, ancestral", dpm_adaptive<3>(nodes, noisy, {.eta = 1}), 0);

    add("learned variance", learned_variance(grid), n);
    add("langevin, reverse diffusion", langevin_corrected(reverse_diffusion{}, grid), 2 * n);
    const std::vector<scalar_t<X>> known(elements(x).size(), scalar_t<X>(0.7));
    const std::vector<scalar_t<X>> mask(elements(x).size());
    add("projected", projected(multistep(ddim{}, grid), keep_known(known, mask)), n);
    const resampling_path path = repaint_path(grid, {2, 2});
    std::size_t down = 0;
    for (std::size_t i = 0; i + 1 < path.nodes.size(); ++i)
        down += path.nodes[i + 1].lambda > path.nodes[i].lambda;
    add("repaint", singlestep(ddim{1}, path), down);
    add("restart", singlestep(heun{}, restart_path(grid, nodes, {{3, 2, 0.06, 0.3}})), 2 * n + 7);
    return all;
}

}  // namespace support
