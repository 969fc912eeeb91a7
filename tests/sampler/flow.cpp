// Flow matching: which samplers of the library its published ones are.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto flow = [](const vector& x, double t, vector& u) {
    for (std::size_t e = 0; e < x.size(); ++e) u[e] = std::sin(2 * x[e]) + t;
};
double slope(double x, double t) { return std::sin(2 * x) + t; }

const time_grid grid = make_grid(flow_schedule{}, shifted_times(flow_times(9), 3));

}  // namespace

TEST_CASE("DDIM on the straight path is Euler's method") {
    vector x{0.7};
    sample(x, multistep(ddim{}, grid), predicts_flow(flow));
    double y = 0.7;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i)
        y += (grid[i + 1].t - grid[i].t) * slope(y, grid[i].t);
    CHECK(x[0] == Approx(y).epsilon(1e-13));
}

TEST_CASE("Heun's method on the straight path") {
    vector x{0.7};
    sample(x, singlestep(flow_heun{}, grid), predicts_flow(flow));
    double y = 0.7;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double t = grid[i].t, s = grid[i + 1].t, h = s - t;
        const double first = slope(y, t);
        y += s > 0 ? h * (first + slope(y + h * first, s)) / 2 : h * first;
    }
    CHECK(x[0] == Approx(y).epsilon(1e-12));
}

TEST_CASE("a latent consistency model of flow matching: all noise anew") {
    vector x{0.7};
    sample(x, multistep(lcm{}, grid), predicts_flow(flow), gaussian_noise{5});
    vector y{0.7}, z(1);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double t = grid[i].t, s = grid[i + 1].t;
        if (s > 0) gaussian_noise{5}(z, step_noise(i, grid[i], grid[i + 1]));
        y[0] = (1 - s) * (y[0] - t * slope(y[0], t)) + s * z[0];
    }
    CHECK(x[0] == Approx(y[0]).epsilon(1e-13));
}

TEST_CASE(
    "Heun's method on the straight path is of order 2, also on other schedules and from pure "
    "noise") {
    const support::gaussian_toy toy{0.7, 0.5};
    const auto order = [&](auto&& make) {
        const auto error = [&](std::size_t n) {
            const time_grid nodes = make(n);
            vector x{1.9};
            sample(x, singlestep(flow_heun{}, nodes), toy);
            return std::abs(x[0] - toy.flow(1.9, nodes.front(), nodes.back()));
        };
        return std::log2(error(64) / error(128));
    };
    const auto evenly = [](double from, double to, std::size_t n) {
        std::vector<double> times;
        for (std::size_t i = 0; i <= n; ++i) {
            const double u = static_cast<double>(i) / static_cast<double>(n);
            times.push_back((1 - u) * from + u * to);
        }
        return times;
    };
    const auto last = grid_end::last_time;
    CHECK(std::abs(order([&](std::size_t n) {
                       return make_grid(flow_schedule{}, evenly(1, 0.05, n), last);
                   }) -
                   2) < 0.3);
    CHECK(std::abs(order([&](std::size_t n) {
                       return make_grid(flow_schedule{}, evenly(0.8, 0.2, n), last);
                   }) -
                   2) < 0.3);
    CHECK(std::abs(order([](std::size_t n) {
                       return uniform_lambda(vp_linear{}, n, 0.8, 0.05, grid_end::last_time);
                   }) -
                   2) < 0.3);
    CHECK(std::abs(order([](std::size_t n) {
                       return uniform_lambda(edm_schedule{}, n, 20, 0.05, grid_end::last_time);
                   }) -
                   2) < 0.3);
}

TEST_CASE("Heun's method on the straight path asks twice a step, once in the step to clean data") {
    int calls = 0;
    const support::gaussian_toy toy;
    vector x{1};
    sample(x, singlestep(flow_heun{}, grid), [&](const vector& y, const node& t, vector& x0) {
        ++calls;
        toy(y, t, x0);
    });
    CHECK(calls == 2 * 9 - 1);
    CHECK_THROWS_AS(singlestep(flow_heun{}, inverted(grid)), std::invalid_argument);
}
