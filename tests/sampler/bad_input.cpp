// Bad grids and numbers: every sampler refuses them with the function, the rule and the value
// received, before anything runs.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "support/all_samplers.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using support::is_complete;
using support::refusal;
using vector = std::vector<double>;

namespace {

const double none = std::numeric_limits<double>::quiet_NaN(), inf = HUGE_VAL;
const discrete_schedule<> schedule;
const nodes_of nodes{schedule};
const time_grid grid = grid_of_sigmas(schedule, karras_sigmas(8, sigma_range_of(schedule)));

/// All samplers but those that `may` take it refuse this grid.
void all_refuse(const time_grid& bad, const std::set<std::string>& may = {}) {
    std::vector<support::refused_sampler> refused;
    for (const auto& taken : support::all_samplers(bad, vector(4), &refused))
        CHECK_MESSAGE(may.contains(taken.name), taken.name << " takes it");
    CHECK(refused.size() > 50);
    for (const support::refused_sampler& by : refused)
        CHECK_MESSAGE(is_complete(by.message), by.name << ": " << by.message);
}

// Made of the two ends of the levels alone.
const std::set<std::string> of_range{"dpm-solver-fast", "dpm-solver-fast, ancestral"};
// They end one node earlier.
const std::set<std::string> of_noisy{"dpm-solver-fast", "dpm-solver-fast, ancestral",
                                     "dpm-solver-12", "dpm-solver-23, ancestral",
                                     "sa-solver, noise"};

}  // namespace

TEST_CASE("every sampler takes the good grid") {
    std::vector<support::refused_sampler> refused;
    CHECK(support::all_samplers(grid, vector(4), &refused).size() > 50);
    CHECK(refused.empty());
}

TEST_CASE("no sampler takes a grid without a step") {
    all_refuse({});
    all_refuse({grid[0]});
    all_refuse({grid.back()});
}

TEST_CASE("no sampler takes a grid with a number that is none, infinite or negative") {
    for (const std::size_t place : {std::size_t{0}, std::size_t{4}, std::size_t{8}}) {
        CAPTURE(place);
        // An infinite lambda is clean data or pure noise.
        for (double node::*member : {&node::t, &node::alpha, &node::sigma, &node::lambda})
            for (const double value : {none, inf, -inf, -1.0}) {
                const bool lambda = member == &node::lambda, time = member == &node::t;
                if (value == -1 && (lambda || time)) continue;
                if (lambda && ((place == 0 && value == -inf) || (place == 8 && value == inf)))
                    continue;
                CAPTURE(value);
                time_grid bad = grid;
                bad[place].*member = value;
                all_refuse(bad, place == 8 ? of_noisy : of_range);
            }
    }
}

TEST_CASE("no sampler takes a grid that stands still or turns round") {
    for (const std::size_t place : {std::size_t{1}, std::size_t{4}, std::size_t{7}}) {
        CAPTURE(place);
        time_grid twice = grid, crossed = grid;
        twice[place] = twice[place - 1];
        std::swap(crossed[place], crossed[place - 1]);
        // A last node that stands there twice makes a predictor and corrector correct the end.
        all_refuse(twice, place == 7 ? of_noisy : of_range);
        all_refuse(crossed, of_range);
    }
}

TEST_CASE("noise predictions are refused where alpha = 0, before the network is asked") {
    const auto levels = zero_terminal_snr(schedule);
    const time_grid from_noise = trailing(levels, 8);
    REQUIRE(from_noise[0].alpha == 0);
    std::vector<support::refused_sampler> refused;
    const auto all = support::all_samplers(from_noise, vector(4), &refused);
    CHECK(all.size() > 10);
    CHECK(refused.size() > 10);
    for (const support::refused_sampler& by : refused)
        CHECK_MESSAGE(is_complete(by.message), by.name << ": " << by.message);
    for (const auto& taken : all) {
        CAPTURE(taken.name);
        std::size_t asked = 0;
        const auto network = [&](const vector& in, double, vector& out) { out = in, ++asked; };
        const vector start{1, 2, 3, 4};
        vector x = start;
        const std::string message =
            refusal([&] { sample(x, taken.plan, predicts_noise(network), gaussian_noise{1}); });
        CHECK_MESSAGE(is_complete(message, 0.0), message);
        CHECK(asked == 0);
        CHECK(x == start);
    }
}

namespace {

/// Values of one number that are refused.
void check(const std::string& name, const std::function<void(double)>& make,
           std::initializer_list<double> bad) {
    CAPTURE(name);
    for (const double value : bad) {
        const std::string message = refusal([&] { make(value); });
        CHECK_MESSAGE(is_complete(message, value), message);
    }
}

}  // namespace

TEST_CASE("no share of noise is negative, infinite, or none") {
    const auto rule = [](const char* name, const auto& of) {
        check(name, [&](double eta) { multistep(of(eta), grid); }, {none, inf, -inf, -0.1});
    };
    rule("ddim", [](double eta) { return ddim{eta}; });
    rule("ddim, published", [](double eta) { return ddim_published{eta}; });
    rule("ancestral flow", [](double eta) { return ancestral_flow{eta}; });
    rule("dpm-solver++ 2m", [](double eta) { return dpm_solver_pp_2m{eta}; });
    rule("dpm-solver++ 3m", [](double eta) { return dpm_solver_pp_3m{eta}; });
    rule("dpm-solver 2m", [](double eta) { return dpm_solver_2m{eta}; });
    rule("dpm-solver 3m", [](double eta) { return dpm_solver_3m{eta}; });
    rule("exponential adams", [](double eta) { return exponential_adams<3>{eta}; });
    rule("unip", [](double eta) { return unip<2>{bh2, eta}; });
    rule("tcd", [](double gamma) { return tcd{schedule, gamma}; });
    rule("consistency", [](double floor) { return consistency_sampling{floor}; });

    const auto stages = [](const char* name, const auto& of) {
        check(name, [&](double eta) { singlestep(of(eta), grid); }, {none, inf, -inf, -0.1});
    };
    stages("ddim, singlestep", [](double eta) { return ddim{eta}; });
    stages("euler ancestral", [](double eta) { return euler_ancestral(eta); });
    stages("dpm2 ancestral", [](double eta) { return dpm2_ancestral(nodes, eta); });
    stages("2s ancestral", [](double eta) { return dpm_solver_pp_2s_ancestral(nodes, eta); });
    stages("dpm++ sde", [](double eta) { return dpm_solver_pp_sde(nodes, eta); });
    stages("dpm-solver++ 3s",
           [](double eta) { return dpm_solver_pp<3>(nodes, singlestep_form::taylor, eta); });
    check("dpm-solver-fast",
          [](double eta) {
              dpm_fast(nodes, 8, {0.1, 10}, eta);
          },
          {none, inf, -inf, -0.1});
    const time_grid noisy(grid.begin(), grid.end() - 1);
    check("dpm-solver-23", [&](double eta) { dpm_adaptive<3>(nodes, noisy, {.eta = eta}); },
          {none, inf, -inf, -0.1, 1.1});
    check("sa-solver", [](double tau) { sa_solver<2, 2>(grid, constant_tau{tau}); },
          {none, inf, -inf, -0.1});
    check("scaled noise", [](double factor) { scaled_noise(gaussian_noise{1}, factor); },
          {none, inf, -inf, -0.1});
}

TEST_CASE("no option of a method is outside of its range") {
    const auto churned_by = [](const churn& how) { churned(heun{}, nodes, how); };
    check("S_churn", [&](double v) { churned_by({.amount = v}); }, {none, inf, -1});
    check("S_tmin", [&](double v) { churned_by({.from = v}); }, {none, inf, -1});
    check("S_tmax", [&](double v) { churned_by({.from = 1, .to = v}); }, {none, -1, 0.5});
    check("S_noise", [&](double v) { churned_by({.noise = v}); }, {none, inf, -1});
    check("share",
          [](double v) {
              singlestep(second_slope{nodes, v}, grid);
          },
          {none, inf, 0, -1, 1.5});
    check("r of DPM++ SDE", [](double v) { dpm_solver_pp_sde(nodes, 1, v); },
          {none, inf, 0, -1, 1});
    check("inner nodes", [](double v) { in_lambda(nodes, {}, {v}); }, {none, inf, 0, -1, 1});
    check("gradient estimation", [](double v) { multistep(gradient_estimation{v}, grid); },
          {none, inf, -inf});

    const auto adaptive = [](const adaptive_options& how) {
        dpm_adaptive<3>(nodes, time_grid(grid.begin(), grid.end() - 1), how);
    };
    check("rtol", [&](double v) { adaptive({.rtol = v}); }, {none, inf, -1});
    check("atol", [&](double v) { adaptive({.atol = v}); }, {none, inf, -1, 0});
    check("h", [&](double v) { adaptive({.h = v}); }, {none, inf, -1, 0});
    check("items", [&](double) { adaptive({.items = 0}); }, {0});

    const auto corrected = [](const auto& how) {
        langevin_corrected(reverse_diffusion{}, grid, how);
    };
    check("snr", [&](double v) { corrected(diffusion::langevin{.snr = v}); }, {none, inf, -1, 0});
    check("no items", [&](double) { corrected(diffusion::langevin{.items = 0}); }, {0});

    const auto annealed = [](const annealing& how) { annealed_langevin(grid, how); };
    check("epsilon", [&](double v) { annealed({.step_size = v}); }, {none, inf, -1, 0});
    check("no moves", [&](double) { annealed({.steps = 0}); }, {0});

    check("jump", [](double) { repaint_path(grid, {0, 2}); }, {0});
    check("samples", [](double) { repaint_path(grid, {2, 0}); }, {0});
    const auto restart = [](double t_min, double t_max, std::size_t n) {
        restart_path(grid, nodes, {{n, 2, t_min, t_max}});
    };
    check("restart, nodes", [&](double) { restart(0.1, 0.5, 1); }, {1});
    check("restart, t_min", [&](double v) { restart(v, 0.5, 3); }, {none, 0, -1});
    check("restart, t_max", [&](double v) { restart(0.1, v, 3); }, {none, inf, 0, -1, 0.01});
    check("dpm-solver-fast, lowest",
          [](double v) {
              dpm_fast(nodes, 8, {v, 10});
          },
          {none, inf, -inf, -1, 0});
    check("dpm-solver-fast, highest",
          [](double v) {
              dpm_fast(nodes, 8, {0.1, v});
          },
          {none, inf, -inf, -1, 0.1});
    check("dpm-solver-fast, calls", [](double) { dpm_fast(nodes, 0, {0.1, 10}); }, {0});
    check("known part", [](double v) { keep_known(vector(1), vector{v}); }, {none, inf, -1, 2});
}

TEST_CASE("no limit of a denoiser is none or turned round") {
    const auto network = [](const vector& x, double) { return x; };
    CHECK(is_complete(refusal([&] { clipped(predicts_noise(network), none, 1); })));
    check("clipped, high", [&](double v) { clipped(predicts_noise(network), -1, v); }, {none, -2});
    check("largest threshold",
          [&](double v) { dynamic_threshold(predicts_noise(network), vector(4), 0.9, v); },
          {none, 0, -1});
    check("quantile", [&](double v) { dynamic_threshold(predicts_noise(network), vector(4), v); },
          {none, inf, 0, -1, 2});
}
