#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sde/ode_sampler.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

#include "sde/processes.hpp"
#include "support/gaussian_toy.hpp"
#include "support/moments.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const support::gaussian_toy toy{0.7, 0.5};
constexpr ode_options tight{.rtol = 1e-9, .atol = 1e-9};

template <class Schedule>
time_grid down(const Schedule& schedule, double first, double last) {
    return {node_at(schedule, first), node_at(schedule, last)};
}

}  // namespace

TEST_CASE("the error falls with the tolerance, and nodes on the way cost two calls each") {
    for_each_sde([](const auto& sde) {
        const auto& schedule = sde.marginal;
        const time_grid two = down(schedule, 0.9, 0.1);
        double before = 1;
        for (const double tolerance : {1e-3, 1e-6, 1e-9}) {
            vector x{-1.5, 0.2, 1.9};
            sample(x, ode_sampler(sde, two, {.rtol = tolerance, .atol = tolerance}), toy);
            const double error = std::abs(x[2] - toy.flow(1.9, two[0], two[1]));
            CHECK(error < 30 * tolerance);
            CHECK(error < before);
            before = error;
        }
    });
    const auto calls = [](const time_grid& grid) {
        vector x{1};
        const ode_sampler plan(vp_sde{}, grid, tight);
        auto memory = plan.init(x);
        std::size_t seen = 0;
        const auto counted = [&](const vector& y, const node& t, vector& x0) {
            ++seen;
            toy(y, t, x0);
        };
        for (std::size_t i = 0; i < plan.size(); ++i) plan.step(i, x, memory, counted, no_noise{});
        const ode_counts spent = plan.spent(memory);
        CHECK(spent.calls == seen);
        const std::size_t clean = grid.back().sigma == 0 ? 1 : 0;
        const std::size_t starts = plan.size() - clean;
        CHECK(spent.calls == 2 * starts + 6 * (spent.accepted + spent.rejected) + clean);
        return seen;
    };
    const vp_linear schedule;
    CHECK(calls(make_grid(schedule, {1, 1e-3})) == calls(down(schedule, 1, 1e-3)) + 1);
    calls(make_grid(schedule, {1, 0.5, 0.25, 1e-3}));
}

TEST_CASE("encoded and decoded again, points are where they were, to the tolerance") {
    const gaussian_mixture q({{0.6, {1, 1}, {0.1}}, {0.4, {-1, 0.5}, {0.05}}});
    vector points(2 * 50);
    q.draw(points, 3);
    for_each_sde([&](const auto& sde) {
        const auto& schedule = sde.marginal;
        const time_grid decoding = down(schedule, 0.95, 0.02);
        vector x = points;
        sample(x, ode_sampler(sde, {decoding[1], decoding[0]}, tight), q);
        sample(x, ode_sampler(sde, decoding, tight), q);
        double worst = 0;
        for (std::size_t e = 0; e < x.size(); ++e)
            worst = std::max(worst, std::abs(x[e] - points[e]));
        CHECK(worst < 1e-6);
    });
}

TEST_CASE("samples of the ODE have the data's moments, and its last step is Tweedie's formula") {
    vector x(4000), last(4000);
    const time_grid grid = make_grid(vp_linear{}, {1, 1e-3});
    draw_prior(x, grid.front(), gaussian_noise{1});
    sample(x, ode_sampler(vp_sde{}, grid), toy, no_noise{}, [&](const auto& view) {
        if (view.i == 0) toy(view.x, grid[1], last);
    });
    CHECK(x == last);
    CHECK(support::moments_of(x).mean == Approx(toy.mean).epsilon(0.03));
    CHECK(support::moments_of(x).variance == Approx(0.25).epsilon(0.06));
}

TEST_CASE("floats keep what floats can, also from sigma = 50, if the network predicts noise") {
    // x0-hat = x - sigma eps loses digits there; the ODE takes eps-hat as it is.
    const ve_sde sde;
    const auto eps = [&](const std::vector<float>& x, double t, std::vector<float>& out) {
        for (std::size_t e = 0; e < x.size(); ++e)
            out[e] = static_cast<float>(toy.noise(static_cast<double>(x[e]), sde.marginal(t)));
    };
    const time_grid grid = down(sde.marginal, 1, 1e-3);
    std::vector<float> x{-30, 2, 41};
    const std::vector<float> start = x;
    sample(x, ode_sampler(sde, grid), predicts_noise(eps));
    for (std::size_t e = 0; e < 3; ++e)
        CHECK(static_cast<double>(x[e]) ==
              Approx(toy.flow(static_cast<double>(start[e]), grid[0], grid[1])).epsilon(1e-3));
}

TEST_CASE("another schedule's grid, a start at clean data and bad tolerances are refused") {
    using support::is_complete;
    using support::refusal;
    const time_grid grid = down(vp_linear{}, 1, 1e-3);
    CHECK(is_complete(refusal([&] { ode_sampler(ve_sde{}, grid); })));
    CHECK(is_complete(refusal([&] { ode_sampler(vp_sde{}, {grid[0]}); })));
    CHECK(is_complete(refusal([&] {
                          ode_sampler(vp_sde{}, {node_at(vp_linear{}, 0), grid[0]});
                      }),
                      0));
    CHECK(is_complete(refusal([&] { ode_sampler(vp_sde{}, grid, {.rtol = 0}); }), 0));
    CHECK(is_complete(refusal([&] { ode_sampler(vp_sde{}, grid, {.atol = -1}); }), -1));
}
