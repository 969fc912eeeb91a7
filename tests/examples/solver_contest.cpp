#include "../../examples/support/solver_contest.hpp"

#include <cmath>
#include <cstddef>

#include <doctest/doctest.h>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>

using examples::problem;
using examples::solver;
using examples::spacing;
using examples::state;

namespace {

// Data N(0, s^2): x at the end is x at the start times the ratio of the standard deviations.
problem gaussian(double s) {
    const diffusion::vp_linear schedule;
    const auto denoise = [=](const state& x, const diffusion::node& t, state& x0) {
        const double variance = t.alpha * t.alpha * s * s + t.sigma * t.sigma;
        for (std::size_t i = 0; i < x.size(); ++i) x0[i] = t.alpha * s * s / variance * x[i];
    };
    problem p(schedule, 1, 1e-3, denoise, 20, 3);
    const auto deviation = [&](double t) {
        const diffusion::noise_level level = schedule(t);
        return std::hypot(level.alpha * s, level.sigma);
    };
    for (const double x : p.start) p.exact.push_back(x * deviation(1e-3) / deviation(1));
    return p;
}

solver ddim_solver() {
    return {"DDIM", 1, 0, [](const problem&, diffusion::time_grid grid) {
                return diffusion::any_sampler<state>(diffusion::multistep(diffusion::ddim{}, grid));
            }};
}
solver heun_solver() {
    return {
        "Heun", 2, 0, [](const problem&, diffusion::time_grid grid) {
            return diffusion::any_sampler<state>(diffusion::singlestep(diffusion::heun{}, grid));
        }};
}

}  // namespace

TEST_CASE("a solver takes no more calls than it may, and counts them") {
    const problem p = gaussian(0.5);
    for (const spacing kind : examples::all_spacings) {
        CHECK(solve(p, ddim_solver(), kind, 7).calls == 7);
        CHECK(solve(p, heun_solver(), kind, 7).calls == 6);
        CHECK(solve(p, heun_solver(), kind, 1).calls == 2);  // the least that it can
    }
}

TEST_CASE("errors are the distances from the exact end, and fall with the order of the method") {
    const problem p = gaussian(0.5);
    for (const spacing kind : examples::all_spacings) {
        const auto order = [&](const solver& s) {
            return std::log2(solve(p, s, kind, 400).error / solve(p, s, kind, 800).error);
        };
        CHECK(order(ddim_solver()) == doctest::Approx(1).epsilon(0.15));
        CHECK(order(heun_solver()) == doctest::Approx(2).epsilon(0.15));
    }
}

TEST_CASE("every grid runs between the same two levels") {
    const problem p = gaussian(1);
    const auto even = p.grid(spacing::lambda, 8);
    for (const spacing kind : examples::all_spacings) {
        const auto grid = p.grid(kind, 8);
        CHECK(grid.size() == 9);
        CHECK(grid.front().lambda == doctest::Approx(even.front().lambda));
        CHECK(grid.back().lambda == doctest::Approx(even.back().lambda));
    }
}

TEST_CASE("the best spacing is that of the least error") {
    const problem p = gaussian(0.5);
    const spacing best = best_spacing(p, ddim_solver());
    for (const spacing kind : examples::all_spacings)
        CHECK(solve(p, ddim_solver(), best, 20).error <= solve(p, ddim_solver(), kind, 20).error);
}
