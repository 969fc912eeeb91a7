#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>

#include "rule/invariants.hpp"
#include "support/gaussian_toy.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("with alpha = 1 reverse diffusion is ancestral sampling with the large variance") {
    const time_grid grid = uniform_time(ve_geometric{}, 12);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i)
        CHECK(difference(kernel_of(reverse_diffusion{}, grid, i),
                         kernel_of(ddpm{reverse_variance::large}, grid, i)) < 1e-13);
    const std::size_t last = grid.size() - 2;
    CHECK(kernel_of(reverse_diffusion{}, grid, last).c == 0);
    CHECK(kernel_of(reverse_diffusion{.noise_at_end = true}, grid, last).c ==
          Approx(grid[last].sigma).epsilon(1e-14));
}

TEST_CASE("on DDPM's schedule it is algorithm 3 of Song et al. 2021") {
    // x_{i-1} = (2 - sqrt(1 - beta)) x_i + beta score + sqrt(beta) z
    const discrete_schedule<> schedule;
    const time_grid grid = all_steps(schedule);
    for (const std::size_t i : {0u, 1u, 500u, 998u}) {
        const node& t = grid[i];
        const double beta = schedule.beta(static_cast<std::size_t>(t.t));
        const auto [a, b, c] = kernel_of(reverse_diffusion{}, grid, i);
        const double x = 0.8, x0 = -0.3, score = (t.alpha * x0 - x) / (t.sigma * t.sigma);
        CHECK(a * x + b[0] * x0 ==
              Approx((2 - std::sqrt(1 - beta)) * x + beta * score).epsilon(1e-11));
        CHECK(c == Approx(std::sqrt(beta)).epsilon(1e-11));
    }
}

TEST_CASE("reverse diffusion converges in distribution with order 1, as does its ODE") {
    const support::gaussian_toy toy{0.7, 0.5};
    const auto error = [&](std::size_t n, double eta) {
        const time_grid grid = uniform_lambda(vp_linear{}, n, 0.8, 0.1, grid_end::last_time);
        double mean = toy.mean_at(grid[0]), variance = toy.std_at(grid[0]) * toy.std_at(grid[0]);
        for (std::size_t i = 0; i < n; ++i) {
            const auto [a, b, c] = kernel_of(reverse_diffusion{.eta = eta}, grid, i);
            CHECK((c == 0) == (eta == 0));
            const double q = toy.data(1, grid[i]) - toy.data(0, grid[i]);
            mean = a * mean + b[0] * toy.data(mean, grid[i]);
            variance = (a + b[0] * q) * (a + b[0] * q) * variance + c * c;
        }
        return std::abs(mean - toy.mean_at(grid[n])) +
               std::abs(variance - toy.std_at(grid[n]) * toy.std_at(grid[n]));
    };
    for (const double eta : {0.0, 0.5, 1.0})
        CHECK(std::abs(std::log2(error(256, eta) / error(512, eta)) - 1) < 0.3);
}

TEST_CASE("an eta that makes no sense is refused") {
    const time_grid grid = uniform_time(ve_geometric{}, 3);
    for (const double eta : {-1.0, double(NAN), double(INFINITY)})
        CHECK(support::is_complete(
            support::refusal([&] { kernel_of(reverse_diffusion{.eta = eta}, grid, 0); }), eta));
}
