#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <ostream>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/in_time.hpp>
#include <diffusion/sde/euler_maruyama.hpp>

#include "rule/invariants.hpp"
#include "sde/processes.hpp"
#include "support/gaussian_toy.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// n equal steps in time, from one node with noise to another.
template <class Schedule>
time_grid between(const Schedule& schedule, std::size_t n, double first, double last) {
    time_grid grid = uniform_time(schedule, n + 1, first, last);
    grid.pop_back();
    return grid;
}

}  // namespace

TEST_CASE("Euler-Maruyama converges in distribution with order 1, for every SDE and eta") {
    const support::gaussian_toy toy{0.7, 0.5};
    for (const double eta : {0.0, 0.6, 1.0})
        for_each_sde([&](const auto& sde) {
            const auto error = [&](std::size_t n) {
                const time_grid grid = between(sde.marginal, n, 0.6, 0.2);
                double mean = toy.mean_at(grid[0]), std = toy.std_at(grid[0]), v = std * std;
                for (std::size_t i = 0; i < n; ++i) {
                    const auto [a, b, c] = kernel_of(euler_maruyama{sde, eta}, grid, i);
                    const double q = toy.data(1, grid[i]) - toy.data(0, grid[i]);
                    mean = a * mean + b[0] * toy.data(mean, grid[i]);
                    v = (a + b[0] * q) * (a + b[0] * q) * v + c * c;
                }
                return std::abs(mean - toy.mean_at(grid[n])) +
                       std::abs(std::sqrt(v) - toy.std_at(grid[n]));
            };
            CHECK(std::abs(std::log2(error(512) / error(1024)) - 1) < 0.3);
        });
}

TEST_CASE("a step is the drift times h and the diffusion times the root of -h") {
    const vp_sde sde;
    const time_grid grid = between(sde.marginal, 4, 0.8, 0.4);
    const node& t = grid[1];
    const auto [a, b, c] = kernel_of(euler_maruyama{sde}, grid, 1);
    const double x = 0.8, x0 = -0.3, score = (t.alpha * x0 - x) / (t.sigma * t.sigma);
    const double beta = 0.1 + t.t * 19.9, h = 0.1;
    CHECK(a * x + b[0] * x0 == Approx(x + h * (0.5 * beta * x + beta * score)).epsilon(1e-12));
    CHECK(c == Approx(std::sqrt(beta * h)).epsilon(1e-12));
}

TEST_CASE("without noise it is Euler's method in the time of the schedule") {
    for_each_sde([](const auto& sde) {
        const time_grid grid = between(sde.marginal, 6, 0.9, 0.1);
        for (std::size_t i = 0; i + 1 < grid.size(); ++i)
            CHECK(difference(kernel_of(euler_maruyama{sde, 0}, grid, i),
                             kernel_of(euler_in_time{rates_of{sde}}, grid, i)) < 1e-10);
    });
}

TEST_CASE("the step to clean data is x0-hat") {
    const time_grid grid = make_grid(vp_linear{}, {0.5, 1e-3});
    CHECK(kernel_of(euler_maruyama{vp_sde{}}, grid, 1) == gaussian_kernel<1>{0, {1}, 0});
}

TEST_CASE("another schedule's grid, and noise on the way up, are refused") {
    const time_grid grid = make_grid(vp_linear{}, {0.5, 0.4}, grid_end::last_time);
    CHECK(is_complete(refusal([&] { kernel_of(euler_maruyama{ve_sde{}}, grid, 0); })));
    const time_grid up{grid[1], grid[0]};
    CHECK(is_complete(refusal([&] { kernel_of(euler_maruyama{vp_sde{}}, up, 0); })));
    CHECK(kernel_of(euler_maruyama{vp_sde{}, 0}, up, 0).c == 0);
    CHECK(is_complete(refusal([&] { kernel_of(euler_maruyama{vp_sde{}, -1}, grid, 0); }), -1));
}
