// DPM-Solver and DPM-Solver++ against diffusers' DPMSolverMultistepScheduler.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::last_steps;
using diffusion::time_grid;

namespace {

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

// The reference's SDE form of 3M has -1/2 for +1/2 in the weight of the quadratic term D_2, which
// is then alpha_s too small and does not vanish with h.
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
trajectory<T> run_case(const record& c, const multistep_case& its, const time_grid& grid,
                       bool as_reference = false) {
    using diffusion::multistep;
    const std::string algorithm = c.text("config.algorithm_type", "dpmsolver++");
    const bool on_data = algorithm.ends_with("++");
    const double eta = algorithm.starts_with("sde-") ? 1 : 0;
    const bool misprinted = as_reference && algorithm == "sde-dpmsolver++";
    const auto form = c.text("config.solver_type", "midpoint") == "heun"
                          ? diffusion::two_node_form::heun
                          : diffusion::two_node_form::midpoint;
    const last_steps ending = its.ends_empty ? last_steps::full_order
                              : grid.size() <= 15 && c.flag("config.lower_order_final", true)
                                  ? last_steps::falling_order
                              : c.flag("config.euler_at_final", false) ? last_steps::first_order
                                                                       : last_steps::full_order;
    const auto by = [&](const auto& rule) {
        return run<T>(multistep(rule, grid, ending), denoiser_on<T>(c, its, grid));
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

}  // namespace

TEST_CASE(
    "DPM-Solver and DPM-Solver++ give the numbers of diffusers' DPMSolverMultistepScheduler") {
    tally result("diffusers_dpmsolver_multistep");
    double worst_float = 0;
    for (const record& c : read("diffusers_dpmsolver_multistep")) {
        CAPTURE(c.id);
        const multistep_case its =
            multistep_case_of(c, c.text("config.final_sigmas_type", "zero") == "sigma_min");
        CHECK(its.told_times() == c.numbers("timesteps"));

        const time_grid theirs = grid_of_reference(its.grid);
        const double own = error_of(c, [&] { return run_case<double>(c, its, its.grid); });
        const double by_kernels =
            error_of(c, [&] { return run_case<double>(c, its, theirs, true); });
        judge(result, c, own, by_kernels);
        const double in_float = final_error(c, run_case<float>(c, its, theirs, true).last);
        // Cosine schedule: data read from noise where alpha = 5e-5 keeps few of a float's digits,
        // here as in the reference.
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}

TEST_CASE("The reference's SDE form of 3M is of order 1, the library's of order 2") {
    // A denoiser that says lambda^2, whatever x is: with z = 0 the equation is solved in closed
    // form.
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
