#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/restart.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include <support/worse.hpp>
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const edm_schedule edm;
const nodes_of nodes{edm};

time_grid karras(std::size_t n) { return grid_of_sigmas(edm, karras_sigmas(n, {0.002, 80})); }

std::vector<double> levels(const resampling_path& path) {
    std::vector<double> result;
    for (const node& n : path.nodes) result.push_back(n.sigma);
    return result;
}

std::size_t calls_of(const auto& plan) {
    std::size_t calls = 0;
    for (std::size_t i = 0; i < plan.size(); ++i) calls += plan.stage(i).count;
    return calls;
}

}  // namespace

TEST_CASE("an interval turns at the node nearest to t_min, over Karras's levels") {
    const time_grid grid = make_grid(edm, {10, 1, 0.1});
    const resampling_path path = restart_path(grid, nodes, {{3, 2, 0.8, 4}});
    const double middle = std::pow((std::pow(4, 1 / 7.0) + 1) / 2, 7);
    const std::vector<double> wanted{10, 1, 4, middle, 1, 4, middle, 1, 0.1, 0};
    REQUIRE(path.nodes.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        CHECK(path.nodes[i].sigma == doctest::Approx(wanted[i]).epsilon(1e-13));
    CHECK(path.nodes[4] == grid[1]);
}

TEST_CASE("several intervals, also at one node, follow each other") {
    const time_grid grid = make_grid(edm, {10, 1, 0.1});
    CHECK(levels(restart_path(grid, nodes, {{2, 1, 1, 4}, {2, 1, 0.1, 1}, {2, 1, 0.9, 2}})) ==
          std::vector<double>{10, 1, 4, 1, 2, 1, 0.1, 1, 0.1, 0});
}

TEST_CASE("without repeats the path is the grid, and the run the plain one bit for bit") {
    const time_grid grid = karras(12);
    const resampling_path path = restart_path(grid, nodes, {{3, 0, 0.06, 0.3}});
    CHECK(path.nodes == grid);
    CHECK(restart_path(grid, nodes, {}).nodes == grid);
    vector x{50, -20}, y = x;
    sample(x, singlestep(heun{}, path), support::gaussian_toy{});
    sample(y, singlestep(heun{}, grid), support::gaussian_toy{});
    CHECK(x == y);
}

TEST_CASE("the paper's setting for CIFAR-10 takes 43 evaluations") {
    const singlestep plan(heun{}, restart_path(karras(18), nodes, {{3, 2, 0.06, 0.30}}));
    CHECK(calls_of(plan) == 43);
    std::size_t calls = 0;
    vector x{1};
    sample(
        x, plan,
        [&](const vector& y, const node& t, vector& x0) {
            ++calls;
            support::gaussian_toy{}(y, t, x0);
        },
        gaussian_noise{1});
    CHECK(calls == 43);
}

TEST_CASE("a step up adds the noise that q(x_tmax | x_tmin) has, on any schedule") {
    const vp_linear vp;
    const time_grid grid = uniform_lambda(vp, 10, 1, 1e-3);
    const double t_min = noise_to_signal(grid[6]), t_max = noise_to_signal(grid[2]);
    const singlestep plan(heun{}, restart_path(grid, nodes_of{vp}, {{4, 1, t_min, t_max}}));
    const auto& up = plan.stage(6);
    CHECK(up.count == 0);
    CHECK(up.stir.a == doctest::Approx(grid[2].alpha / grid[6].alpha).epsilon(1e-9));
    const double variance = std::pow(up.stir.a * grid[6].sigma, 2) + up.stir.c * up.stir.c;
    CHECK(variance == doctest::Approx(grid[2].sigma * grid[2].sigma).epsilon(1e-9));
}

namespace {

/// E[x_0 | x_t = x] for data 1/2 N(-1, 0.3^2) + 1/2 N(1, 0.3^2).
void two_groups(const vector& x, const node& t, vector& x0) {
    const double d = t.alpha * t.alpha * 0.09 + t.sigma * t.sigma;
    for (std::size_t e = 0; e < x.size(); ++e) {
        const double tilt = std::tanh(t.alpha * x[e] / d);
        x0[e] = (t.alpha * 0.09 * x[e] + t.sigma * t.sigma * tilt) / d;
    }
}

/// How far the moments 1 to 4 are from those of the two groups, (0, 1.09, 0, 1 + 6 * 0.09 + 3 *
/// 0.09^2).
double moments_off(const vector& x) {
    const double exact[] = {0, 1.09, 0, 1 + 6 * 0.09 + 3 * 0.0081};
    double worst = 0;
    for (int k = 1; k <= 4; ++k) {
        double moment = 0;
        for (const double e : x) moment += std::pow(e, k) / static_cast<double>(x.size());
        worst = support::worse(worst, std::abs(moment - exact[k - 1]));
    }
    return worst;
}

}  // namespace

TEST_CASE(
    "restart sampling draws from a mixture, and mends a start that Heun's method alone keeps") {
    const time_grid grid = karras(40);
    const singlestep plain(heun{}, grid);
    const singlestep restarted(heun{}, restart_path(grid, nodes, {{24, 3, 0.3, 12}}));
    const auto end = [&](const auto& plan, double bias) {
        vector x(20000);
        draw_prior(x, grid.front(), gaussian_noise{5});
        for (double& e : x) e += bias;
        sample(x, plan, two_groups, gaussian_noise{5});
        return moments_off(x);
    };
    CHECK(end(restarted, 0) < 0.05);  // 1/sqrt(20000) = 0.007, times up to 1.7
    CHECK(end(plain, 60) > 0.3);
    CHECK(end(restarted, 60) < 0.05);
}

TEST_CASE("intervals that do not go up, or have no step, are refused") {
    const time_grid grid = karras(8);
    const auto refused = [&](const restart_interval& interval) {
        CHECK_THROWS_AS(restart_path(grid, nodes, {interval}), std::invalid_argument);
    };
    refused({1, 1, 0.06, 0.3});
    refused({3, 1, 0, 0.3});
    refused({3, 1, -1, 0.3});
    refused({3, 1, NAN, 0.3});
    refused({3, 1, 0.3, 0.06});
    refused({3, 1, 0.3, NAN});
    refused({3, 1, 0.3, INFINITY});
    CHECK_THROWS_AS(restart_path({}, nodes, {}), std::invalid_argument);
    CHECK_THROWS_AS(restart_path(inverted(grid), nodes, {}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(restart_path(grid, nodes, {{0, 1, 0.06, 0.3}}),
                         "diffusion::restart_path: an interval needs at least 2 nodes, got 0",
                         std::invalid_argument);
}
