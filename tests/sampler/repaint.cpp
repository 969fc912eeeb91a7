#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/repaint.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const discrete_schedule<> schedule;
const time_grid grid = leading(schedule, 10);

/// The path as numbers of steps left to clean data.
std::vector<int> steps_left(const resampling_path& path) {
    std::vector<int> left;
    for (const node& n : path.nodes) left.push_back(n.t < 0 ? 0 : static_cast<int>(n.t) / 100 + 1);
    return left;
}

}  // namespace

TEST_CASE("RePaint's path jumps back where the authors' list of times does") {
    // their t is the number of steps left minus 1: 9 8 7 6 7 8 7 6 5 4 5 6 5 4 3 2 3 4 3 2 1 0 1 2
    // 1 0 -1
    CHECK(steps_left(repaint_path(grid, {2, 2})) == std::vector<int>{10, 9, 8, 7, 8, 9, 8, 7, 6,
                                                                     5,  6, 7, 6, 5, 4, 3, 4, 5,
                                                                     4,  3, 2, 1, 2, 3, 2, 1, 0});
    CHECK(steps_left(repaint_path(grid, {5, 3})) ==
          std::vector<int>{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 6, 5,
                           4,  3, 2, 1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1, 0});
    CHECK(repaint_path(grid, {3, 1}).nodes == grid);
    CHECK(repaint_path(grid, {10, 7}).nodes == grid);  // no room for a jump
    CHECK_THROWS_AS(repaint_path(grid, {0, 2}), std::invalid_argument);
    CHECK_THROWS_AS(repaint_path(grid, {2, 0}), std::invalid_argument);
    CHECK_THROWS_AS(repaint_path(time_grid{}), std::invalid_argument);
}

TEST_CASE("a run is algorithm 1 of Lugmayr et al. 2022, written out") {
    const support::gaussian_toy toy;
    const vector known{1, 2, 0, 0}, mask{1, 1, 0, 0};
    const resampling_path path = repaint_path(grid, {2, 2});
    vector x(4);
    draw_prior(x, grid.front(), gaussian_noise{1});
    vector y = x;
    const gaussian_noise noise{2};
    std::size_t calls = 0;
    const auto denoise = [&](const vector& state, const node& t, vector& x0) {
        ++calls;
        toy(state, t, x0);
    };
    sample(x, projected(singlestep(ddpm{}, path), keep_known(known, mask)), denoise, noise);

    vector z(4), x0(4);
    std::size_t down = 0;
    const auto keep = [&](std::size_t k) {
        const node& at = path.nodes[k];
        if (at.sigma > 0) noise(z, {noise_stream::forward, k});
        for (std::size_t e = 0; e < 2; ++e) y[e] = at.alpha * known[e] + at.sigma * z[e];
    };
    keep(0);
    for (std::size_t k = 0; k + 1 < path.nodes.size(); ++k) {
        const node &t = path.nodes[k], &s = path.nodes[k + 1];
        if (s.lambda > t.lambda) {
            ++down;
            toy(y, t, x0);
            const auto [a, b, c] = posterior(t, s);
            if (c > 0) noise(z, step_noise(k, t, s));
            for (std::size_t e = 0; e < 4; ++e) y[e] = a * y[e] + b[0] * x0[e] + c * z[e];
        } else {
            noise(z, step_noise(k, t, s, 1));
            const auto [a, b, c] = forward_kernel(t, s);
            for (std::size_t e = 0; e < 4; ++e) y[e] = a * y[e] + c * z[e];
        }
        keep(k + 1);
    }
    CHECK(calls == down);
    CHECK(down < path.nodes.size() - 1);
    for (std::size_t e = 0; e < 4; ++e) CHECK(x[e] == Approx(y[e]).epsilon(1e-12));
    CHECK(x[0] == 1);
    CHECK(x[1] == 2);
}

TEST_CASE("resampling makes the unknown part fit the known one better") {
    // Pairs (a, b) of N(0, 1) with correlation close to 1, b known to be 1.5: given that, a is near
    // 1.5.
    const auto correlated = [](const vector& x, const node& t, vector& x0) {
        const auto shrink = [&](double u, double variance) {
            return t.alpha * variance / (t.alpha * t.alpha * variance + t.sigma * t.sigma) * u;
        };
        for (std::size_t e = 0; e + 1 < x.size(); e += 2) {
            const double sum = shrink(x[e] + x[e + 1], 1), rest = shrink(x[e] - x[e + 1], 0.01);
            x0[e] = (sum + rest) / 2;
            x0[e + 1] = (sum - rest) / 2;
        }
    };
    const std::size_t n = 2000;
    vector known(n), mask(n);
    for (std::size_t e = 1; e < n; e += 2) known[e] = 1.5, mask[e] = 1;
    const auto distance = [&](const repaint_jumps& jumps) {
        vector x(n);
        draw_prior(x, grid.front(), gaussian_noise{1});
        sample(x,
               projected(singlestep(ddim{1}, repaint_path(grid, jumps)), keep_known(known, mask)),
               correlated, gaussian_noise{2});
        double squares = 0;
        for (std::size_t e = 0; e < n; e += 2) squares += (x[e] - 1.5) * (x[e] - 1.5);
        return std::sqrt(squares / static_cast<double>(n / 2));
    };
    const double without = distance({2, 1}), with = distance({2, 10});
    CHECK(with < 0.85 * without);
}

TEST_CASE("RePaint has no path from data to noise") {
    CHECK_THROWS_AS(repaint_path({}), std::invalid_argument);
    CHECK_THROWS_AS(repaint_path(inverted(grid)), std::invalid_argument);
}
