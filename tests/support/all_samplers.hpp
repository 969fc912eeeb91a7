#pragma once
// Every sampler of the library, for what must hold of all of them. Whoever writes one adds a line.

#include <algorithm>
#include <cstddef>
#include <stdexcept>
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

/// A sampler that does not take the grid, and what it says.
struct refused_sampler {
    std::string name, message;
};

/// All samplers of tensors like x on a grid of discrete_schedule<>, of at least 4 steps to clean
/// data. Those that refuse another grid are noted in `refused`, if it is given.
template <diffusion::tensor X>
std::vector<listed_sampler<X>> all_samplers(const diffusion::time_grid& grid, const X& x,
                                            std::vector<refused_sampler>* refused = nullptr) {
    using namespace diffusion;
    const discrete_schedule<> schedule;
    const nodes_of nodes{schedule};
    const nodes_of held{schedule, told_time::exact, outside_range::hold_time};
    const std::size_t n = grid.empty() ? 0 : grid.size() - 1;
    const time_grid noisy(grid.begin(), grid.begin() + static_cast<std::ptrdiff_t>(n));

    std::vector<listed_sampler<X>> all;
    const auto add = [&](const char* name, std::size_t calls, const auto& make,
                         bool keeps_data = true) {
        try {
            all.push_back({name, any_sampler<X>(make()), calls, keeps_data});
        } catch (const std::invalid_argument& error) {
            if (refused == nullptr) throw;
            refused->push_back({name, error.what()});
        }
    };
    const auto rule = [&](const char* name, const auto& r, bool keeps_data = true) {
        add(
            name, n, [&] { return multistep(r, grid); }, keeps_data);
    };
    const auto stages = [&](const char* name, const auto& r, std::size_t calls) {
        add(name, calls, [&] { return singlestep(r, grid); });
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
    add("pndm", n + 9, [&] { return pndm(schedule, grid); });
    add("plms", n + 1, [&] { return pndm(grid); });
    add("unipc", n, [&] { return unipc<3>(grid); });
    add("unipc, noise", n, [&] { return unipc<2, prediction::noise>(grid); });
    add("exponential adams 2 and moulton 3", n, [&] {
        return predictor_corrector(exponential_adams<2>{}, exponential_adams_moulton<3>{}, grid);
    });
    add("sa-solver", n, [&] { return sa_solver<3, 4>(grid); });
    add("sa-solver, noise", n - 1, [&] { return sa_solver<2, 3, prediction::noise>(noisy); });

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
    const sde_of sde{schedule, rates};
    rule("euler-maruyama", euler_maruyama{sde});
    add("ode sampler", 0, [&] { return ode_sampler(sde, grid, {.rtol = 1e-5, .atol = 1e-5}); });
    add("dpm-solver++ 3s on the grid", n, [&] {
        return singlestep(dpm_solver_pp<3>(at_nodes{grid}), coarse(grid, call_groups(grid, 3)));
    });
    const sigma_range range =
        noisy.empty() ? sigma_range{0, 0}
                      : sigma_range{noise_to_signal(noisy.back()), noise_to_signal(noisy.front())};
    add("dpm-solver-fast", n, [&] { return dpm_fast(nodes, n, range); });
    add("dpm-solver-fast, ancestral", n, [&] { return dpm_fast(nodes, n, range, 1); });
    add("dpm-solver-12", 0, [&] { return dpm_adaptive<2>(nodes, noisy); });
    add("dpm-solver-23, ancestral", 0, [&] { return dpm_adaptive<3>(nodes, noisy, {.eta = 1}); });

    add("learned variance", n, [&] { return learned_variance(grid); });
    add("langevin, reverse diffusion", 2 * n,
        [&] { return langevin_corrected(reverse_diffusion{}, grid); });
    add("annealed corrections, ddpm", 2 * n,
        [&] { return langevin_corrected(ddpm{}, grid, annealed_corrections{}); });
    add("annealed langevin", 20 * n + 1,
        [&] { return annealed_langevin(grid, {.step_size = 0.2, .steps = 20}); });
    const std::vector<scalar_t<X>> known(elements(x).size(), scalar_t<X>(0.7));
    const std::vector<scalar_t<X>> mask(elements(x).size());
    add("projected", n,
        [&] { return projected(multistep(ddim{}, grid), keep_known(known, mask)); });
    const std::size_t jumps = n < 3 ? 0 : (n - 1) / 2;  // of 2 steps each
    add("repaint", n + 2 * jumps, [&] { return singlestep(ddim{1}, repaint_path(grid, {2, 2})); });
    add("restart", 2 * n + 7, [&] {
        return singlestep(heun{}, restart_path(grid, nodes, {{3, 2, 0.06, 0.3}}));
    });
    return all;
}

}  // namespace support
