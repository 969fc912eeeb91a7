#include <doctest/doctest.h>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

TEST_CASE("Heun's method is algorithm 1 of Karras et al. where alpha = 1") {
    const support::gaussian_toy toy;
    const time_grid grid = make_grid(edm_schedule{}, {40, 10, 2, 0.5});
    vector x{30};
    sample(x, singlestep(heun{}, grid), toy);

    double y = 30;  // by hand, with sigma for time
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double t = grid[i].sigma, s = grid[i + 1].sigma;
        const double d = (y - toy.data(y, grid[i])) / t;
        double next = y + (s - t) * d;
        if (s > 0) next = y + (s - t) * 0.5 * (d + (next - toy.data(next, grid[i + 1])) / s);
        y = next;
    }
    CHECK(x[0] == Approx(y).epsilon(1e-13));
}

TEST_CASE("on any schedule Heun's method does the same to x/alpha as on the exploding one") {
    const support::gaussian_toy toy;
    std::vector<node> preserving, exploding;
    for (const double t : {0.9, 0.6, 0.3, 0.1}) {
        const node n = node_at(vp_linear{}, t);
        preserving.push_back(n);
        exploding.push_back({t, 1, n.sigma / n.alpha, n.lambda});
    }
    vector x{1.5}, y{1.5 / preserving[0].alpha};
    sample(x, singlestep(heun{}, preserving), toy);
    sample(y, singlestep(heun{}, exploding), toy);
    CHECK(x[0] / preserving[3].alpha == Approx(y[0]).epsilon(1e-13));
}

TEST_CASE("Heun's method asks the network twice a step, once in the step to clean data") {
    int calls = 0;
    const auto toy = [&](const vector& x, const node& t, vector& x0) {
        ++calls;
        CHECK(t.sigma > 0);
        support::gaussian_toy{}(x, t, x0);
    };
    vector x{1};
    sample(x, singlestep(heun{}, uniform_time(edm_schedule{}, 7)), toy);
    CHECK(calls == 2 * 7 - 1);
}

TEST_CASE("grids on which Heun's equation is not defined are refused when the plan is made") {
    CHECK_THROWS_WITH_AS(singlestep(heun{}, uniform_time(flow_schedule{}, 4)),
                         "diffusion::heun: alpha must be positive at every node, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(singlestep(heun{}, time_grid{}),
                         "diffusion::singlestep: a grid needs at least 2 nodes, got 0",
                         std::invalid_argument);
}

TEST_CASE("an inversion from clean data needs a denoiser that gives eps-hat itself") {
    const singlestep plan(heun{}, inverted(uniform_time(edm_schedule{}, 4)));
    vector x{1};
    CHECK_THROWS_AS(sample(x, plan, support::gaussian_toy{}), std::invalid_argument);
}

TEST_CASE("Heun's method also runs from data to noise, and back") {
    const support::gaussian_toy toy;
    const time_grid grid = uniform_lambda(vp_linear{}, 40, 0.9, 0.01, grid_end::last_time);
    const vector start{0.4, 1.3};
    vector x = start;
    sample(x, singlestep(heun{}, inverted(grid)), toy);
    CHECK(x[0] == Approx(toy.flow(start[0], grid.back(), grid.front())).epsilon(1e-2));
    sample(x, singlestep(heun{}, grid), toy);
    for (std::size_t e = 0; e < 2; ++e) CHECK(x[e] == Approx(start[e]).epsilon(1e-2));
}
