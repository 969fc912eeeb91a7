#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/any_sampler.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const vp_linear schedule;
const nodes_of nodes{schedule};
const support::gaussian_toy toy{0.7, 0.5};

time_grid between(std::size_t n) {
    return uniform_lambda(schedule, n, 1, 1e-3, grid_end::last_time);
}

adaptive_options within(double tolerance) { return {.rtol = tolerance, .atol = tolerance}; }

struct outcome {
    double error;  ///< the largest, of three starts
    std::size_t evaluations, accepted, rejected;
};

template <class Plan>
outcome run(const Plan& plan) {
    const vector start{-1.5, 0.2, 1.9};
    vector x = start;
    auto memory = plan.init(x);
    for (std::size_t i = 0; i < plan.size(); ++i) plan.step(i, x, memory, toy, gaussian_noise{1});
    double error = 0;
    for (std::size_t e = 0; e < x.size(); ++e)
        error = std::max(
            error, std::abs(x[e] - toy.flow(start[e], plan.grid().front(), plan.grid().back())));
    const auto spent = plan.spent(memory);
    return {error, spent.evaluations, spent.accepted, spent.rejected};
}

}  // namespace

TEST_CASE("tighter tolerances cost more evaluations and leave smaller errors") {
    const auto check = [](auto make) {
        outcome before = run(make(within(1e-1)));
        for (const double tolerance : {1e-2, 1e-3, 1e-4}) {
            const outcome now = run(make(within(tolerance)));
            CHECK(now.error < before.error);
            CHECK(now.error < 10 * tolerance);
            CHECK(now.evaluations > before.evaluations);
            before = now;
        }
    };
    check([](const adaptive_options& o) { return dpm_adaptive<2>(nodes, between(1), o); });
    check([](const adaptive_options& o) { return dpm_adaptive<3>(nodes, between(1), o); });
    check([](const adaptive_options& o) {
        return dpm_adaptive<3, prediction::data>(nodes, between(1), o);
    });
    check([](const adaptive_options& o) {
        return dpm_adaptive<3>(nodes, between(1), o, power_control{});
    });
}

TEST_CASE("the order of the pair pays: for the same tolerance 23 needs fewer evaluations than 12") {
    CHECK(run(dpm_adaptive<3>(nodes, between(1), within(1e-4))).evaluations <
          run(dpm_adaptive<2>(nodes, between(1), within(1e-4))).evaluations / 2);
}

TEST_CASE(
    "evaluations are counted as they are made: K for an attempt, one less after a rejection") {
    adaptive_options options = within(1e-3);
    options.h = 3;  // far too long, so that the first attempts are rejected
    const auto plan = dpm_adaptive<3>(nodes, between(1), options);
    std::size_t calls = 0;
    const auto counted = [&](const vector& x, const node& t, vector& x0) {
        ++calls;
        toy(x, t, x0);
    };
    vector x{0.3};
    auto memory = plan.init(x);
    bool arrived = false;
    while (!arrived) {
        const auto before = plan.spent(memory);
        const vector at = x;
        const std::size_t calls_before = calls;
        arrived = plan.attempt(0, x, memory, counted, no_noise{});
        const auto after = plan.spent(memory);
        CHECK(after.accepted + after.rejected == before.accepted + before.rejected + 1);
        CHECK(after.evaluations - before.evaluations == calls - calls_before);
        if (after.rejected > before.rejected) CHECK(x == at);  // bit for bit
        else CHECK(x != at);
    }
    const auto spent = plan.spent(memory);
    CHECK(spent.rejected >= 2);
    CHECK(spent.evaluations == 3 * spent.accepted + 2 * spent.rejected);
    CHECK(calls == spent.evaluations);
}

TEST_CASE("the nodes of the grid are met exactly, and seen by the observer of `sample`") {
    const time_grid grid = between(5);
    const auto plan = dpm_adaptive<3>(nodes, grid, within(1e-4));
    CHECK(plan.size() == 5);
    vector x{1.9};
    std::size_t seen = 0;
    sample(x, plan, toy, no_noise{}, [&](const auto& view) {
        ++seen;
        CHECK(view.t == grid[view.i + 1]);
        CHECK(view.x[0] == doctest::Approx(toy.flow(1.9, grid[0], grid[view.i + 1])).epsilon(1e-3));
    });
    CHECK(seen == 5);
}

TEST_CASE("the length goes on from node to node, and a run from the first node begins anew") {
    const auto one = dpm_adaptive<3>(nodes, between(1), within(1e-4));
    const auto many = dpm_adaptive<3>(nodes, between(4), within(1e-4));
    const outcome whole = run(one), parts = run(many);
    CHECK(parts.accepted <= whole.accepted + 4);
    CHECK(parts.error < 10 * whole.error);

    vector first{1.9}, second{1.9};
    auto memory = many.init(first);
    for (std::size_t i = 0; i < 4; ++i) many.step(i, first, memory, toy, no_noise{});
    const std::size_t evaluations = many.spent(memory).evaluations;
    for (std::size_t i = 0; i < 4; ++i) many.step(i, second, memory, toy, no_noise{});
    CHECK(first == second);
    CHECK(many.spent(memory).evaluations == evaluations);
}

TEST_CASE("the error is that of the worst item") {
    // One item far away, and many at rest: on the average the error is small.
    const auto accepted = [](std::size_t items) {
        adaptive_options options = within(1e-3);
        options.items = items;
        const auto plan = dpm_adaptive<2>(nodes, between(1), options);
        vector x(64, 0.0);
        x[0] = 30;
        const auto resting = [](const vector& y, const node& t, vector& x0) {
            for (std::size_t e = 0; e < y.size(); ++e) x0[e] = e == 0 ? toy.data(y[0], t) : 0;
        };
        auto memory = plan.init(x);
        plan.step(0, x, memory, resting, no_noise{});
        return plan.spent(memory).accepted;
    };
    CHECK(accepted(64) > accepted(1));
    const auto plan = dpm_adaptive<2>(nodes, between(1), {.items = 5});
    vector x(12);
    CHECK_THROWS_AS(sample(x, plan, toy), std::invalid_argument);  // 5 does not divide 12
}

TEST_CASE("with eta = 1 the end has the data's moments, and every accepted step noise of its own") {
    const auto plan = dpm_adaptive<3>(nodes, between(2), {.rtol = 0.01, .atol = 0.01, .eta = 1});
    vector x(20000);
    draw_prior(x, plan.grid().front(), gaussian_noise{3});
    std::vector<noise_address> seen;
    sample(x, any_sampler<vector>(plan), toy, [&](vector& z, const noise_address& where) {
        gaussian_noise{3}(z, where);
        for (const noise_address& other : seen) CHECK_FALSE(other.step == where.step);
        seen.push_back(where);
    });
    CHECK(seen.size() > 5);
    const double n = static_cast<double>(x.size());
    double mean = 0, variance = 0;
    for (const double e : x) mean += e / n;
    for (const double e : x) variance += (e - mean) * (e - mean) / n;
    CHECK(std::abs(mean - toy.mean_at(plan.grid().back())) < 0.02);
    CHECK(std::abs(variance - std::pow(toy.std_at(plan.grid().back()), 2)) < 0.02);
}

TEST_CASE("a run that gets nowhere ends with an exception") {
    const auto plan = dpm_adaptive<3>(nodes, between(1));
    vector x{1};
    const auto broken = [](const vector&, const node&, vector& x0) { x0[0] = NAN; };
    CHECK_THROWS_AS(sample(x, plan, broken), std::runtime_error);

    adaptive_options options = within(1e-6);
    options.most_attempts = 7;
    std::size_t calls = 0;
    const auto counted = [&](const vector& y, const node& t, vector& x0) {
        ++calls;
        toy(y, t, x0);
    };
    x = {1};
    CHECK_THROWS_AS(sample(x, dpm_adaptive<2>(nodes, between(1), options), counted),
                    std::runtime_error);
    CHECK(calls <= 14);

    // No step is short enough for a denoiser that jumps about.
    x = {1};
    int sign = 1;
    const auto restless = [&](const vector&, const node&, vector& x0) {
        x0[0] = 1e6 * (sign = -sign);
    };
    CHECK_THROWS_AS(sample(x, dpm_adaptive<2>(nodes, between(1)), restless), std::runtime_error);
}

TEST_CASE("bad options and grids are refused") {
    const auto refused = [](const adaptive_options& options) {
        CHECK_THROWS_AS(dpm_adaptive<3>(nodes, between(1), options), std::invalid_argument);
    };
    refused({.rtol = -1});
    refused({.rtol = NAN});
    refused({.atol = 0});
    refused({.atol = INFINITY});
    refused({.h = 0});
    refused({.h = NAN});
    refused({.eta = -0.5});
    refused({.eta = 1.5});
    refused({.eta = NAN});
    refused({.items = 0});
    CHECK_THROWS_AS(dpm_adaptive<3>(nodes, time_grid{}), std::invalid_argument);
    CHECK_THROWS_AS(dpm_adaptive<3>(nodes, inverted(between(2))), std::invalid_argument);
    CHECK_THROWS_WITH_AS(dpm_adaptive<3>(nodes, uniform_lambda(schedule, 2, 1, 1e-3)),
                         "diffusion::dpm_adaptive: lambda must be finite at every node; end at a "
                         "positive sigma, got inf",
                         std::invalid_argument);
}
