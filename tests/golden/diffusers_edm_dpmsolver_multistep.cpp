// DPM-Solver++ on the noise levels and with the network scaling of EDM, against diffusers'
// EDMDPMSolverMultistepScheduler; and its cosine relative.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "edm_runs.hpp"

using namespace golden;
using diffusion::last_steps;
using diffusion::node;
using diffusion::time_grid;

namespace {

template <class T>
trajectory<T> run_case(const record& c, const time_grid& grid) {
    using diffusion::multistep;
    const double eta = c.text("config.algorithm_type", "").starts_with("sde-") ? 1 : 0;
    const auto form = c.text("config.solver_type", "midpoint") == "heun"
                          ? diffusion::two_node_form::heun
                          : diffusion::two_node_form::midpoint;
    const bool to_data = grid.back().sigma == 0;
    const last_steps ending = !to_data ? last_steps::full_order
                              : grid.size() <= 15 && c.flag("config.lower_order_final", true)
                                  ? last_steps::falling_order
                                  : last_steps::full_order;
    const double start = c.number("init_noise_sigma", 1);
    const auto denoise = edm_denoiser<T>(c);
    switch (c.count("config.solver_order", 2)) {
        case 1:
            return run_from<T>(start, multistep(diffusion::ddim{eta}, grid), denoise);
        case 2:
            return run_from<T>(
                start, multistep(diffusion::dpm_solver_pp_2m{eta, form}, grid, ending), denoise);
        default:
            return run_from<T>(
                start, multistep(diffusion::dpm_solver_pp_3m{eta, form}, grid, ending), denoise);
    }
}

}  // namespace

TEST_CASE("DPM-Solver++ on EDM's levels gives the numbers of EDMDPMSolverMultistepScheduler") {
    tally result("diffusers_edm_dpmsolver_multistep");
    double worst_float = 0;
    for (const record& c : read("diffusers_edm_dpmsolver_multistep")) {
        CAPTURE(c.id);
        const time_grid grid = edm_grid(c);
        std::vector<double> told;
        for (std::size_t i = 0; i < c.count("set_timesteps.num_inference_steps"); ++i)
            told.push_back(diffusion::edm_scaling{}(grid[i]).time);
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-14);
        const double own = error_of(c, [&] { return run_case<double>(c, grid); });
        judge(result, c, own, own);
        const double in_float = final_error(c, run_case<float>(c, grid).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}

TEST_CASE("CosineDPMSolverMultistepScheduler is the SDE form of 2M on a cosine schedule") {
    // There x has alpha = 1, the network sees x/sqrt(sigma^2 + 1) and 2 arctan(sigma)/pi, and D(x)
    // = x/(sigma^2 + 1) - sigma/sqrt(sigma^2 + 1) v. That is a network of velocities on alpha_t =
    // cos(pi t/2), sigma_t = sin(pi t/2), which the library runs as it is.
    const auto levels = diffusion::exponential_sigmas(20, {0.3, 500});
    const time_grid preserving = diffusion::grid_of_sigmas(diffusion::vp_cosine{0}, levels);
    const time_grid exploding = in_sigma_space(preserving);
    const auto net = [](const std::vector<double>& x, double t, std::vector<double>& v) {
        for (std::size_t e = 0; e < x.size(); ++e) v[e] = std::sin(x[e] + t) - x[e] * t;
    };
    const auto its_scaling = [](const node& t) {
        const double root = std::hypot(t.sigma, 1);
        return diffusion::precondition_weights{1 / (root * root), -t.sigma / root, 1 / root,
                                               2 / 3.14159265358979323846 * std::atan(t.sigma)};
    };
    const diffusion::dpm_solver_pp_2m rule{1};
    std::vector<double> x(10), y(10);
    for (std::size_t e = 0; e < x.size(); ++e) {
        y[e] = 50.0 * static_cast<double>(e) - 200;
        x[e] = preserving.front().alpha * y[e];
    }
    counted_noise noise, same;
    diffusion::sample(x, diffusion::multistep(rule, preserving), diffusion::predicts_velocity(net),
                      noise);
    diffusion::sample(y, diffusion::multistep(rule, exploding),
                      diffusion::preconditioned(net, its_scaling, y), same);
    CHECK(relative_error(y, x) < 1e-11);  // clean data: alpha = 1 in both
    CHECK(noise.calls == 19);
}
