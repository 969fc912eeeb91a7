#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/lms.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("LMS is exact on constant noise, also in the step to clean data") {
    for (const named_grid& g : grids()) {
        if (g.grid.front().alpha == 0) continue;
        CAPTURE(g.name);
        CHECK(constant_noise_deviation(lms<1>{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(lms<2>{}, g.grid) < 1e-13);
        CHECK(constant_noise_deviation(lms<3>{}, g.grid) < 1e-12);
        CHECK(constant_noise_deviation(lms<4>{}, g.grid) < 1e-12);
    }
}

TEST_CASE("LMS of order 1 is DDIM") {
    const time_grid grid = uniform_time(vp_linear{}, 10);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i)
        CHECK(difference(kernel_of(lms<1>{}, grid, i),
                         kernel_of(exponential_adams<1, prediction::noise>{}, grid, i)) < 1e-14);
}

TEST_CASE("with equal steps in sigma the weights of LMS are those of Adams and Bashforth") {
    time_grid grid;
    for (const double sigma : {6.0, 5.0, 4.0, 3.0, 2.0})
        grid.push_back({sigma, 1, sigma, -std::log(sigma)});
    const auto kernel = kernel_of(lms<4>{}, grid, 3);
    const double wanted[] = {-55. / 24, 59. / 24, -37. / 24, 9. / 24};
    CHECK(kernel.a == 1);
    for (std::size_t k = 0; k < 4; ++k) CHECK(kernel.b[k] == Approx(wanted[k]).epsilon(1e-13));
}

TEST_CASE("LMS of K nodes is exact where eps is a polynomial of degree K - 1 in sigma") {
    const time_grid grid = uniform_lambda(edm_schedule{}, 12, 80, 0.002, grid_end::last_time);
    for (std::size_t i = 3; i < 12; ++i) {
        const auto kernel = kernel_of(lms<4>{}, grid, i);
        for (int degree = 0; degree < 4; ++degree) {
            double sum = 0;
            for (std::size_t k = 0; k < 4; ++k)
                sum += kernel.b[k] * std::pow(grid[i - k].sigma, degree);
            const double wanted =
                (std::pow(grid[i + 1].sigma, degree + 1) - std::pow(grid[i].sigma, degree + 1)) /
                (degree + 1);
            CHECK(sum == Approx(wanted).epsilon(1e-8));
        }
    }
}

TEST_CASE("LMS of K nodes has order K") {
    CHECK(std::abs(measured_order(lms<1>{}) - 1) < 0.3);
    CHECK(std::abs(measured_order(lms<2>{}, 128) - 2) < 0.3);
    CHECK(std::abs(measured_order(lms<3>{}, 256) - 3) < 0.3);
    CHECK(std::abs(measured_order(lms<4>{}, 256) - 4) < 0.3);
}
