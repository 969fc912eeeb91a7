#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

/// A run written by somebody who only knows the coefficients: x, past predictions, noise.
template <class Rule>
double by_coefficients(const multistep<Rule>& plan, double x, std::uint64_t seed) {
    const support::gaussian_toy toy;
    std::vector<double> past;  // the latest first
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const node& t = plan.grid()[i];
        const double x0 = toy.data(x, t), eps = (x - t.alpha * x0) / t.sigma;
        past.insert(past.begin(), Rule::extrapolates == prediction::noise ? eps : x0);
        const auto& kernel = plan.kernel(i);
        double next = kernel.a * x;
        for (std::size_t k = 0; k < Rule::order && k < past.size(); ++k)
            next += kernel.b[k] * past[k];
        if constexpr (Rule::extrapolates == prediction::data_and_noise)
            next += kernel.b[Rule::order] * eps;
        vector z(1);
        gaussian_noise{seed}(z, step_noise(i, t, plan.grid()[i + 1]));
        x = next + kernel.c * z[0];
    }
    return x;
}

template <class Rule>
void check_coefficients(const Rule& rule) {
    const multistep plan(rule, linspace(discrete_schedule<>{}, 20));
    vector x{1.25};
    sample(x, plan, support::gaussian_toy{}, gaussian_noise{3});
    CHECK(x[0] == Approx(by_coefficients(plan, 1.25, 3)).epsilon(1e-13));
}

}  // namespace

TEST_CASE("who keeps tensors elsewhere gets the same run from the bare coefficients") {
    check_coefficients(ddim{});
    check_coefficients(ddim{0.5});
    check_coefficients(ddpm{});
    check_coefficients(ddim_published{0.5});
    check_coefficients(dpm_solver_pp_2m{});
    check_coefficients(dpm_solver_pp_2m{1});
    check_coefficients(exponential_adams<3>{});
    check_coefficients(exponential_adams<3, prediction::noise>{});
    const multistep plan(ddim{}, linspace(discrete_schedule<>{}, 20));
    CHECK_THROWS_AS(plan.kernel(20), std::out_of_range);
}

TEST_CASE("n steps ask the network n times, at the grid's nodes, never at clean data") {
    const time_grid grid = leading(discrete_schedule<>{}, 10);
    vector asked_at;
    vector x{1};
    predicts_velocity D([&](const vector& in, double t) {
        asked_at.push_back(t);
        return in;
    });
    sample(x, multistep(dpm_solver_pp_2m{}, grid), D);
    CHECK(asked_at == vector{900, 800, 700, 600, 500, 400, 300, 200, 100, 0});
}

TEST_CASE("a multistep method works itself up to its order") {
    const multistep plan(exponential_adams<3>{}, uniform_lambda(vp_linear{}, 10, 1, 0.01));
    CHECK(plan.kernel(0).b[0] != 0);
    CHECK(plan.kernel(0).b[1] == 0);
    CHECK(plan.kernel(1).b[1] != 0);
    CHECK(plan.kernel(1).b[2] == 0);
    CHECK(plan.kernel(2).b[2] != 0);
}

TEST_CASE(
    "a multistep method may end at full order, at falling order, or with one step of order 1") {
    const time_grid grid = uniform_lambda(vp_linear{}, 10, 1, 0.01, grid_end::last_time);
    const auto terms = [](const auto& plan, std::size_t i) {
        std::size_t count = 0;
        for (const double b : plan.kernel(i).b) count += b != 0 ? 1 : 0;
        return count;
    };
    const multistep full(exponential_adams<3>{}, grid);
    const multistep falling(exponential_adams<3>{}, grid, last_steps::falling_order);
    const multistep first(exponential_adams<3>{}, grid, last_steps::first_order);
    const std::size_t of_full[] = {3, 3, 3, 3}, of_falling[] = {3, 3, 2, 1},
                      of_first[] = {3, 3, 3, 1};
    for (std::size_t k = 0; k < 4; ++k) {
        CHECK(terms(full, 6 + k) == of_full[k]);
        CHECK(terms(falling, 6 + k) == of_falling[k]);
        CHECK(terms(first, 6 + k) == of_first[k]);
    }
    CHECK(falling.kernel(9).b[0] == Approx(multistep(ddim{}, grid).kernel(9).b[0]));
}

TEST_CASE("published DDIM clips the estimate but keeps the network's direction") {
    const time_grid grid = linspace(discrete_schedule<>{}, 5);
    const auto net = [](const vector& in, double) { return in; };
    vector published{3}, plain{3};
    sample(published, multistep(ddim_published{}, grid), clipped(predicts_noise(net), -0.1, 0.1));
    sample(plain, multistep(ddim{}, grid), clipped(predicts_noise(net), -0.1, 0.1));
    // by hand: x0 clipped to -0.1 .. 0.1, direction eps = x
    double x = 3;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const node &t = grid[i], &s = grid[i + 1];
        const double x0 = std::fmin(std::fmax((x - t.sigma * x) / t.alpha, -0.1), 0.1);
        x = s.alpha * x0 + s.sigma * x;
    }
    CHECK(published[0] == Approx(x).epsilon(1e-13));
    CHECK(plain[0] == Approx(0.1));

    vector free{3}, free_published{3};
    sample(free, multistep(ddim{}, grid), predicts_noise(net));
    sample(free_published, multistep(ddim_published{}, grid), predicts_noise(net));
    CHECK(free[0] == Approx(free_published[0]).epsilon(1e-12));
}

TEST_CASE("a step without noise neither draws nor reads any") {
    const multistep plan(ddpm{}, uniform_time(vp_linear{}, 5));
    int draws = 0;
    const auto noise = [&](vector& z, const noise_address& where) {
        CHECK(where.step == static_cast<std::uint64_t>(draws));
        ++draws;
        z.assign(z.size(), 0.5);
    };
    vector x{1};
    sample(x, plan, support::gaussian_toy{}, noise);
    CHECK(draws == 4);  // none in the step to clean data
    const auto forbidden = [](vector&, const noise_address&) { FAIL("asked for noise"); };
    sample(x, multistep(ddim{}, uniform_time(vp_linear{}, 5)), support::gaussian_toy{}, forbidden);
}

TEST_CASE("grids that cannot be run are refused when the plan is made") {
    const double infinity = std::numeric_limits<double>::infinity();
    const node t{1, 0.6, 0.8, -0.3}, clean{0, 1, 0, infinity};
    CHECK_THROWS_WITH_AS(multistep(ddim{}, {t}),
                         "diffusion::multistep: a grid needs at least 2 nodes, got 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(multistep(ddim{}, {t, t}),
                         "diffusion::multistep: the noise level must fall strictly from node to "
                         "node; lambda does not, got -0.3",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(multistep(ddim{-1}, {t, clean}),
                         "diffusion::ddim: eta must not be negative, got -1",
                         std::invalid_argument);
    // data that becomes noise: x0 alone does not say which
    CHECK_THROWS_WITH_AS(multistep(ddim{}, {clean, t}),
                         "diffusion::multistep: the rule has no finite coefficients on this grid "
                         "(an inversion takes "
                         "ddim_inversion), "
                         "in step number, got 0",
                         std::invalid_argument);
    // a noise rule cannot start where there is no signal
    CHECK_THROWS_AS(
        multistep(exponential_adams<1, prediction::noise>{}, uniform_time(flow_schedule{}, 4)),
        std::invalid_argument);
}

TEST_CASE("a grid of fewer steps than the order is refused, unless the order may fall") {
    const time_grid two = uniform_time(vp_linear{}, 2);
    CHECK_THROWS_WITH_AS(multistep(exponential_adams<3>{}, two),
                         "diffusion::multistep: fewer steps than the order: take more, a lower "
                         "order, or last_steps::falling_order; number of steps, got 2",
                         std::invalid_argument);
    CHECK_THROWS_AS(multistep(exponential_adams<3>{}, two, last_steps::first_order),
                    std::invalid_argument);
    CHECK_NOTHROW(multistep(exponential_adams<2>{}, two));
    const multistep falling(exponential_adams<3>{}, two, last_steps::falling_order);
    const multistep second(exponential_adams<2>{}, two, last_steps::falling_order);
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK(falling.kernel(i).b[0] == second.kernel(i).b[0]);
        CHECK(falling.kernel(i).b[2] == 0);
    }
}
