#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <ostream>

#include <diffusion/rule/ddpm.hpp>

#include "rule/invariants.hpp"

using namespace diffusion;

TEST_CASE("DDPM with the small variance transports the marginals") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        const deviation found = marginal_deviation(ddpm{}, g.grid);
        CHECK(found.mean < 1e-13);
        CHECK(found.variance < 1e-13);
    }
}

TEST_CASE("DDPM with the large variance transports the mean, but adds more noise than is removed") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        CHECK(marginal_deviation(ddpm{reverse_variance::large}, g.grid).mean < 1e-13);
        for (std::size_t i = 0; i + 2 < g.grid.size(); ++i) {
            const node &t = g.grid[i], &s = g.grid[i + 1];
            const auto kernel = kernel_of(ddpm{reverse_variance::large}, g.grid, i);
            const double excess =
                kernel.a * kernel.a * t.sigma * t.sigma + kernel.c * kernel.c - s.sigma * s.sigma;
            // beta - beta-tilde = (sigma_t^2 - sigma_s^2) (1 - e^{-2h})
            const double wanted =
                (t.sigma * t.sigma - s.sigma * s.sigma) * -std::expm1(2 * (t.lambda - s.lambda));
            CHECK(wanted > 0);
            CHECK(std::abs(excess - wanted) < 1e-12 * t.sigma * t.sigma);
        }
    }
}

TEST_CASE("ancestral sampling ends with the mean: no noise in the step to clean data") {
    const time_grid grid = all_steps(discrete_schedule<>{});
    for (const auto variance : {reverse_variance::small, reverse_variance::large})
        CHECK(kernel_of(ddpm{variance}, grid, 999) == gaussian_kernel<1>{0, {1}, 0});
}
