// SA-Solver against diffusers' SASolverScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/sampler/sa_solver.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::prediction;

namespace {

using tau_function = std::function<double(double)>;

// By default 1 from 200 to 800, and 0 elsewhere.
tau_function tau_of(const record& c, const multistep_case& its) {
    const diffusion::constant_tau tau = c.has("config.tau_func")
                                            ? diffusion::constant_tau{c.number("config.tau_func")}
                                            : diffusion::constant_tau{1, 200, 800};
    return [tau, told = its.told](double t) { return tau(told(t)); };
}

// This reference rounds the times of Karras' levels to the nearest integer on every schedule.
multistep_case sa_case_of(const record& c) {
    multistep_case its = multistep_case_of(c, true);
    if (sigma_grid_of(c) == "karras") its.told = [](double t) { return std::nearbyint(t); };
    return its;
}

// The noise of step i, as the reference draws some in every step, also where its weight is 0.
struct noise_of_step {
    template <class X>
    void operator()(X& z, const diffusion::noise_address& where) const {
        counted_noise{where.step}(z, where);
    }
};

template <class T, class Sampler>
trajectory<T> run_with(const Sampler& sampler, any_denoiser<T> denoise) {
    trajectory<T> path;
    path.last = initial_sample<T>();
    diffusion::sample(path.last, sampler, denoise, noise_of_step{}, [&](const auto& view) {
        if (view.i < 3) path.steps.push_back(view.x);
    });
    return path;
}

// Lists of levels end with an empty step, before which the last correction is done.
template <class T>
trajectory<T> run_case(const record& c, const multistep_case& its) {
    diffusion::time_grid grid = its.grid;
    if (its.ends_empty) grid.push_back(grid.back());
    const auto ending = c.flag("config.lower_order_final", true)
                            ? diffusion::last_steps::falling_order
                            : diffusion::last_steps::full_order;
    const tau_function tau = tau_of(c, its);
    const auto denoise = denoiser_on<T>(c, its, its.grid);
    const bool on_noise = c.text("config.algorithm_type", "") == "noise_prediction";
    const std::size_t orders =
        10 * c.count("config.predictor_order", 2) + c.count("config.corrector_order", 2);
    using diffusion::sa_solver;
    if (on_noise) {
        REQUIRE(orders == 22);
        return run_with<T>(sa_solver<2, 2, prediction::noise>(grid, tau, ending), denoise);
    }
    switch (orders) {
        case 11:
            return run_with<T>(sa_solver<1, 1, prediction::data>(grid, tau, ending), denoise);
        case 22:
            return run_with<T>(sa_solver<2, 2, prediction::data>(grid, tau, ending), denoise);
        case 23:
            return run_with<T>(sa_solver<2, 3, prediction::data>(grid, tau, ending), denoise);
        case 32:
            return run_with<T>(sa_solver<3, 2, prediction::data>(grid, tau, ending), denoise);
        case 33:
            return run_with<T>(sa_solver<3, 3, prediction::data>(grid, tau, ending), denoise);
        default:
            REQUIRE(orders == 34);
            return run_with<T>(sa_solver<3, 4, prediction::data>(grid, tau, ending), denoise);
    }
}

}  // namespace

TEST_CASE("SA-Solver gives the numbers of diffusers' SASolverScheduler") {
    check_family("diffusers_sasolver", sa_case_of,
                 [](auto precision, const record& c, const multistep_case& its) {
                     return run_case<decltype(precision)>(c, its);
                 });
}
