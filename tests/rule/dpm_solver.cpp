#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>

#include "rule/invariants.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("DPM-Solver++ 2M transports the marginals, as ODE and as SDE") {
    for (const named_grid& g : grids())
        for (const double eta : {0.0, 0.5, 1.0}) {
            const deviation found = marginal_deviation(dpm_solver_pp_2m{eta}, g.grid);
            CAPTURE(g.name);
            CAPTURE(eta);
            CHECK(found.mean < 1e-13);
            CHECK(found.variance < 1e-13);
        }
}

TEST_CASE("2M is algorithm 2 of Lu et al.: an order-one step with D = (1 + 1/2r) D_0 - 1/2r D_1") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 1; i + 2 < grid.size(); ++i) {
        const node &before = grid[i - 1], &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda, r = (t.lambda - before.lambda) / h;
        const double weight = -s.alpha * (std::exp(-h) - 1);
        const auto kernel = kernel_of(dpm_solver_pp_2m{}, grid, i);
        CAPTURE(i);
        CHECK(kernel.a == Approx(s.sigma / t.sigma).epsilon(1e-14));
        CHECK(kernel.b[0] == Approx(weight * (1 + 1 / (2 * r))).epsilon(1e-12));
        CHECK(kernel.b[1] == Approx(-weight / (2 * r)).epsilon(1e-12));
        CHECK(kernel.c == 0);
    }
}

TEST_CASE("the SDE form of 2M has twice the rate and the posterior's noise") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    const node &before = grid[4], &t = grid[5], &s = grid[6];
    const double h = s.lambda - t.lambda, r = (t.lambda - before.lambda) / h;
    const double weight = s.alpha * (1 - std::exp(-2 * h));
    const auto kernel = kernel_of(dpm_solver_pp_2m{1}, grid, 5);
    CHECK(kernel.a == Approx(s.sigma / t.sigma * std::exp(-h)).epsilon(1e-14));
    CHECK(kernel.b[0] == Approx(weight * (1 + 1 / (2 * r))).epsilon(1e-12));
    CHECK(kernel.b[1] == Approx(-weight / (2 * r)).epsilon(1e-12));
    CHECK(kernel.c == Approx(s.sigma * std::sqrt(1 - std::exp(-2 * h))).epsilon(1e-12));
}

TEST_CASE("the first step of 2M and the step to clean data are DDIM") {
    const time_grid grid = uniform_time(vp_cosine{}, 20);
    for (const std::size_t i : {std::size_t{0}, std::size_t{19}}) {
        const auto kernel = kernel_of(dpm_solver_pp_2m{}, grid, i);
        const auto wanted = kernel_of(ddim{}, grid, i);
        CHECK(kernel.a == Approx(wanted.a).epsilon(1e-14));
        CHECK(kernel.b[0] == Approx(wanted.b[0]).epsilon(1e-14));
        CHECK(kernel.b[1] == 0);
    }
}

TEST_CASE("a prediction made at pure noise does not enter the step after it") {
    const time_grid grid = uniform_time(flow_schedule{}, 10);  // starts at alpha = 0
    CHECK(kernel_of(dpm_solver_pp_2m{}, grid, 1).b[1] == 0);
    CHECK(kernel_of(dpm_solver_pp_2m{}, grid, 2).b[1] != 0);
}

TEST_CASE("a negative eta is refused by name and value") {
    const node seen[] = {node_at(vp_linear{}, 0.5)};
    CHECK_THROWS_WITH_AS((dpm_solver_pp_2m{-1}(seen, node_at(vp_linear{}, 0.25))),
                         "diffusion::exponential_step: eta must not be negative, got -1",
                         std::invalid_argument);
}
