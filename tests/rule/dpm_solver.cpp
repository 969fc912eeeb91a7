#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

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

TEST_CASE("3M transports the marginals, and DPM-Solver on noise is exact on constant noise") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        for (const double eta : {0.0, 0.5, 1.0})
            for (const two_node_form form : {two_node_form::midpoint, two_node_form::heun}) {
                const deviation found = marginal_deviation(dpm_solver_pp_3m{eta, form}, g.grid);
                CHECK(found.mean < 1e-13);
                CHECK(found.variance < 1e-13);
            }
        if (g.grid.front().alpha == 0) continue;
        CHECK(constant_noise_deviation(dpm_solver_2m{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(dpm_solver_3m{}, g.grid) < 1e-13);
    }
}

namespace {

/// D_1 and D_2, slope and curvature of the parabola through the last three predictions, of each as
/// weights on (D_0, D_1, D_2) seen: Lu et al. 2022b, appendix, "multistep third order".
struct parabola {
    std::array<double, 3> slope, bend;

    parabola(const node& w, const node& u, const node& t, double h) {
        const double r0 = (t.lambda - u.lambda) / h, r1 = (u.lambda - w.lambda) / h;
        const std::array<double, 3> late{1 / r0, -1 / r0, 0}, early{0, 1 / r1, -1 / r1};
        for (std::size_t k = 0; k < 3; ++k) {
            bend[k] = (late[k] - early[k]) / (r0 + r1);
            slope[k] = late[k] + r0 * bend[k];
        }
    }
};

}  // namespace

TEST_CASE("3M has the published weights: those of the parabola, but half of its quadratic term") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 2; i + 2 < grid.size(); ++i) {
        const node &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda;
        const parabola p(grid[i - 2], grid[i - 1], t, h);
        const double on_data[] = {-s.alpha * std::expm1(-h), s.alpha * (std::expm1(-h) / h + 1),
                                  -s.alpha * ((std::expm1(-h) + h) / (h * h) - 0.5)};
        const double on_noise[] = {-s.sigma * std::expm1(h), -s.sigma * (std::expm1(h) / h - 1),
                                   -s.sigma * ((std::expm1(h) - h) / (h * h) - 0.5)};
        const auto data = kernel_of(dpm_solver_pp_3m{}, grid, i);
        const auto noise = kernel_of(dpm_solver_3m{}, grid, i);
        CAPTURE(i);
        for (std::size_t k = 0; k < 3; ++k) {
            const double one = k == 0 ? 1 : 0;
            CHECK(data.b[k] ==
                  Approx(on_data[0] * one + on_data[1] * p.slope[k] + on_data[2] * p.bend[k])
                      .epsilon(1e-9));
            CHECK(noise.b[k] ==
                  Approx(on_noise[0] * one + on_noise[1] * p.slope[k] + on_noise[2] * p.bend[k])
                      .epsilon(1e-9));
        }
    }
}

TEST_CASE("the heun form through two nodes is exponential Adams of order 2") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        CHECK(kernel_of(dpm_solver_pp_2m{1, two_node_form::heun}, grid, i) ==
              kernel_of(exponential_adams<2>{1}, grid, i));
        CHECK(kernel_of(dpm_solver_2m{0, two_node_form::heun}, grid, i) ==
              kernel_of(exponential_adams<2, prediction::noise>{}, grid, i));
    }
}

TEST_CASE("on noise the SDE form leaves noise behind that does not vanish at clean data") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    const node &t = grid[18], &s = grid[19];
    const double h = s.lambda - t.lambda;
    const auto kernel = kernel_of(dpm_solver_2m{1}, grid, 18, 1);
    CHECK(kernel.a == Approx(s.alpha / t.alpha).epsilon(1e-14));
    CHECK(kernel.b[0] == Approx(-2 * s.sigma * std::expm1(h)).epsilon(1e-12));
    CHECK(kernel.c == Approx(s.sigma * std::sqrt(std::expm1(2 * h))).epsilon(1e-12));
    CHECK(kernel_of(dpm_solver_2m{1}, grid, 19).c == Approx(grid[19].sigma / grid[19].alpha));
}

TEST_CASE("DPM-Solver has order 2 with two nodes, and with three, for the half term") {
    CHECK(std::abs(measured_order(dpm_solver_pp_2m{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(dpm_solver_2m{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(dpm_solver_pp_3m{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(dpm_solver_3m{}) - 2) < 0.3);
}
