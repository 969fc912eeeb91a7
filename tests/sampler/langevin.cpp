#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/annealed_langevin.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/euler_maruyama.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"
#include "support/moments.hpp"

using namespace diffusion;
using doctest::Approx;
using support::moments;
using support::moments_of;
using vector = std::vector<double>;

namespace {

const support::gaussian_toy toy{0.7, 0.5};

}  // namespace

TEST_CASE("a correction is lines 8 to 11 of algorithm 4 of Song et al. 2021") {
    const time_grid grid = make_grid(vp_linear{}, {0.7, 0.4}, grid_end::last_time);
    const node &t = grid[0], &s = grid[1];
    const vector start{1, -2, 0.5, 3}, z{0.3, -1, 2, 0.1};
    const double snr = 0.2;
    vector x = start;
    sample(x, langevin_corrected(ddim{}, grid, {.snr = snr, .items = 2}), toy,
           [&](vector& out, const noise_address&) { out = z; });

    vector y = start;  // by hand; the norms are means over two items
    vector score(4);
    for (std::size_t e = 0; e < 4; ++e)
        score[e] = -(y[e] - toy.mean_at(t)) / (toy.std_at(t) * toy.std_at(t));
    const auto norm = [](const vector& v) {
        return (std::hypot(v[0], v[1]) + std::hypot(v[2], v[3])) / 2;
    };
    const double step =
        2 * (t.alpha * t.alpha / (s.alpha * s.alpha)) * std::pow(snr * norm(z) / norm(score), 2);
    const double a = s.sigma / t.sigma;
    for (std::size_t e = 0; e < 4; ++e) {
        y[e] += step * score[e] + std::sqrt(2 * step) * z[e];
        y[e] = a * y[e] + (s.alpha - a * t.alpha) * toy.data(y[e], t);
        CHECK(x[e] == Approx(y[e]).epsilon(1e-12));
    }
}

TEST_CASE("corrections bring a wrong start to the right distribution") {
    // From 3 times too wide a start DDIM ends 3 times too wide; with corrections it does not.
    const time_grid grid = uniform_lambda(ve_geometric{}, 30, 0.8, 0.4, grid_end::last_time);
    vector x(4000), y(4000);
    draw_prior(x, grid.front(), gaussian_noise{1});
    for (double& e : x) e = toy.mean + 3 * e;
    y = x;
    const double wanted = toy.std_at(grid.back()) * toy.std_at(grid.back());
    sample(x, multistep(ddim{}, grid), toy);
    CHECK(moments_of(x).variance > 5 * wanted);
    sample(y, langevin_corrected(ddim{}, grid, {.snr = 0.3, .steps = 5}), toy, gaussian_noise{2});
    CHECK(moments_of(y).variance == Approx(wanted).epsilon(0.1));
    CHECK(moments_of(y).mean == Approx(toy.mean).epsilon(0.15));
}

TEST_CASE("predictor and corrector together end at the data's distribution") {
    const time_grid grid = uniform_time(ve_geometric{}, 300);
    vector x(4000);
    draw_prior(x, grid.front(), gaussian_noise{5});
    sample(x, langevin_corrected(reverse_diffusion{}, grid), toy, gaussian_noise{6});
    const moments found = moments_of(x);
    CHECK(found.mean == Approx(0.7).epsilon(0.05));
    CHECK(found.variance == Approx(0.25).epsilon(0.1));
}

TEST_CASE("annealed corrections without a predictor are annealed Langevin dynamics") {
    const time_grid grid = uniform_time(ve_geometric{}, 12);
    const double snr = 0.2;
    vector x{1, -2, 30}, y = x;
    sample(x, langevin_corrected(stay{}, grid, annealed_corrections{.snr = snr, .steps = 3}), toy,
           gaussian_noise{1});
    sample(y, annealed_langevin(grid, {.step_size = 2 * snr * snr, .steps = 3, .denoise = false}),
           toy, gaussian_noise{1});
    for (std::size_t e = 0; e < 3; ++e) CHECK(x[e] == Approx(y[e]).epsilon(1e-10));
}

TEST_CASE("any predictor goes with any corrector, and the pair ends at the data's distribution") {
    // On VE and VP, Euler-Maruyama, reverse diffusion and ancestral sampling, each with both.
    const auto ends_well = [](const auto& predictor, const auto& corrector, const auto& schedule) {
        vector x(4000);
        const time_grid grid = uniform_time(schedule, 200, 1, 1e-3);
        draw_prior(x, grid.front(), gaussian_noise{5});
        sample(x, langevin_corrected(predictor, grid, corrector), toy, gaussian_noise{6});
        CHECK(moments_of(x).mean == Approx(0.7).epsilon(0.06));
        CHECK(moments_of(x).variance == Approx(0.25).epsilon(0.12));
    };
    const auto with_both = [&](const auto& predictor, const auto& schedule) {
        ends_well(predictor, langevin{.snr = 0.1}, schedule);
        ends_well(predictor, annealed_corrections{.snr = 0.1}, schedule);
    };
    with_both(euler_maruyama{vp_sde{}}, vp_linear{});
    with_both(euler_maruyama{ve_sde{}}, ve_geometric{});
    with_both(reverse_diffusion{}, vp_linear{});
    with_both(reverse_diffusion{}, ve_geometric{});
    with_both(ddpm{}, vp_linear{});
    with_both(ddpm{}, ve_geometric{});
}

TEST_CASE("M corrections take M + 1 calls and draws of their own") {
    for (const std::size_t steps : {0u, 1u, 3u}) {
        const time_grid grid = uniform_time(ve_geometric{}, 10);
        std::size_t calls = 0;
        std::vector<noise_address> seen;
        const auto denoise = [&](const vector& x, const node& t, vector& x0) {
            ++calls;
            toy(x, t, x0);
        };
        vector x{1, 2};
        sample(x, langevin_corrected(reverse_diffusion{}, grid, {.steps = steps}), denoise,
               [&](vector& z, const noise_address& where) {
                   for (const noise_address& other : seen) CHECK(!(other == where));
                   seen.push_back(where);
                   z = {0.5, -1};
               });
        CHECK(calls == 10 * (steps + 1));
        CHECK(seen.size() == 10 * (steps + 1) - 1);  // none in the last step of the predictor
    }
}

TEST_CASE("a score of nothing is not followed") {
    const time_grid grid = uniform_time(ve_geometric{}, 3);
    const auto denoise = [](const vector& x, const node&, vector& x0) { x0 = x; };
    vector x{1, 2};
    sample(x, langevin_corrected(ddim{}, grid), denoise, gaussian_noise{1});
    CHECK(x == vector{1, 2});
}

TEST_CASE("an snr or a number of items that makes no sense is refused") {
    const time_grid grid = uniform_time(ve_geometric{}, 3);
    for (const double snr : {0.0, -1.0, double(NAN), double(INFINITY)})
        CHECK_THROWS_AS(langevin_corrected(ddim{}, grid, {.snr = snr}), std::invalid_argument);
    CHECK_THROWS_AS(langevin_corrected(stay{}, grid, annealed_corrections{.snr = 0}),
                    std::invalid_argument);
    CHECK_THROWS_AS(langevin_corrected(ddim{}, grid, {.items = 0}), std::invalid_argument);
    CHECK_THROWS_AS(langevin_corrected(ddim{}, time_grid{}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(langevin_corrected(ddim_inversion{}, inverted(grid)),
                         doctest::Contains("the grid must run from noise to data"),
                         std::invalid_argument);
    const langevin_corrected plan(ddim{}, grid, {.items = 3});
    CHECK_THROWS_AS(plan.init(vector(4)), std::invalid_argument);
}
