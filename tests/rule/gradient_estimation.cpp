#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/gradient_estimation.hpp>
#include <diffusion/rule/lms.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("gradient estimation is exact on constant noise") {
    for (const named_grid& g : grids()) {
        if (g.grid.front().alpha == 0) continue;
        CAPTURE(g.name);
        CHECK(constant_noise_deviation(gradient_estimation{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(gradient_estimation{-0.5}, g.grid) < 1e-13);
    }
}

TEST_CASE("gamma = 1 is DDIM, and 3/2 with equal steps in sigma is Adams-Bashforth") {
    const time_grid grid = uniform_time(vp_linear{}, 10);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const auto ours = kernel_of(gradient_estimation{1}, grid, i);
        const auto ddim = kernel_of(exponential_adams<1, prediction::noise>{}, grid, i);
        CHECK(ours.a == ddim.a);
        CHECK(ours.b[0] == ddim.b[0]);
        CHECK(ours.b[1] == 0);
    }
    const time_grid equal = make_grid(edm_schedule{}, {5, 4, 3, 2, 1});
    for (std::size_t i = 0; i + 1 < equal.size(); ++i)
        CHECK(difference(kernel_of(gradient_estimation{1.5}, equal, i),
                         kernel_of(lms<2>{}, equal, i)) < 1e-14);
}

TEST_CASE("a run is algorithm 2 of Permenter and Yuan 2023") {
    const support::gaussian_toy toy;
    const time_grid grid = make_grid(edm_schedule{}, {20, 5, 2, 0.5}, grid_end::last_time);
    std::vector<double> x{17};
    sample(x, multistep(gradient_estimation{}, grid), toy);

    double y = 17, before = 0;  // by hand, where x = x_0 + sigma eps
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double eps = toy.noise(y, grid[i]), mean = i == 0 ? eps : 2 * eps - before;
        y += (grid[i + 1].sigma - grid[i].sigma) * mean;
        before = eps;
    }
    CHECK(x[0] == Approx(y).epsilon(1e-12));
}

TEST_CASE("the published gamma has order 1") {
    CHECK(std::abs(measured_order(gradient_estimation{}) - 1) < 0.3);
}

TEST_CASE("gamma must be finite") {
    const time_grid grid = uniform_time(edm_schedule{}, 4);
    CHECK_THROWS_WITH_AS(multistep(gradient_estimation{NAN}, grid),
                         "diffusion::gradient_estimation: gamma must be finite, got nan",
                         std::invalid_argument);
    CHECK_THROWS_AS(multistep(gradient_estimation{INFINITY}, grid), std::invalid_argument);
}
