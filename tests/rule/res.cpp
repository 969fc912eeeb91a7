#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/res.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

/// phi_k of exponential integrators: phi_1(z) = (e^z - 1)/z, phi_2(z) = (phi_1(z) - 1)/z.
double phi_1(double z) { return std::expm1(z) / z; }
double phi_2(double z) { return (phi_1(z) - 1) / z; }

}  // namespace

TEST_CASE("RES, multistep, has the weights of its paper") {
    const time_grid grid = uniform_time(vp_linear{}, 8);
    for (std::size_t i = 1; i + 2 < grid.size(); ++i) {
        const node &u = grid[i - 1], &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda, c_2 = (u.lambda - t.lambda) / h;
        const double b_2 = phi_2(-h) / c_2, b_1 = phi_1(-h) - b_2;
        const auto [a, b, c] = kernel_of(res_multistep{}, grid, i);
        CHECK(a == Approx(s.sigma / t.sigma).epsilon(1e-13));
        CHECK(b[0] == Approx(s.alpha * h * b_1).epsilon(1e-11));
        CHECK(b[1] == Approx(s.alpha * h * b_2).epsilon(1e-11));
        CHECK(c == 0);
    }
    CHECK(std::abs(measured_order(res_multistep{}) - 2) < 0.3);
}

TEST_CASE("RES, singlestep, has the weights of its paper") {
    const node t = node_at(vp_linear{}, 0.6), s = node_at(vp_linear{}, 0.4);
    const double h = s.lambda - t.lambda, c_2 = 0.5;
    const auto step = res_singlestep(nodes_of{vp_linear{}})(grid_step{0, 1, t, s});
    REQUIRE(step.count == 2);
    CHECK(step.to[0].b[0] == Approx(step.at[1].alpha * c_2 * h * phi_1(-c_2 * h)).epsilon(1e-12));
    CHECK(step.to[1].b[1] == Approx(s.alpha * h * phi_2(-h) / c_2).epsilon(1e-12));
    CHECK(step.to[1].b[0] == Approx(s.alpha * h * (phi_1(-h) - phi_2(-h) / c_2)).epsilon(1e-12));
}
