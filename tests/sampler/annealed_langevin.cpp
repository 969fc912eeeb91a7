#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/ncsn.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/annealed_langevin.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/noise_ladder.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"
#include "support/moments.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::moments;
using support::moments_of;
using vector = std::vector<double>;

namespace {

const support::gaussian_toy toy{0.7, 0.5};

time_grid ladder_grid(const std::vector<double>& sigmas) { return all_steps(noise_ladder(sigmas)); }

/// What T moves at one level make of N(mean, variance), exactly: a chain of affine maps. Its factor
/// is the way of 1 minus that of 0 without noise, its variance the sum over the moves of the square
/// of what one unit of noise there becomes.
moments after(const annealed_langevin& plan, const support::gaussian_toy& data, std::size_t steps,
              const moments& before) {
    const auto run = [&](double start, std::size_t noisy_move) {
        vector x{start};
        sample(x, plan, data, [&](vector& z, const noise_address& where) {
            z[0] = where.sub_draw == noisy_move + 1 ? 1 : 0;
        });
        return x[0];
    };
    const double still = run(0, steps), factor = run(1, steps) - still;
    moments m{still + factor * before.mean, factor * factor * before.variance};
    for (std::size_t k = 0; k < steps; ++k) m.variance += std::pow(run(0, k) - still, 2);
    return m;
}

/// 1/5 N(-5, 1) + 4/5 N(5, 1), and the perfect denoiser of it.
struct two_modes {
    void operator()(const vector& x, const node& t, vector& x0) const {
        const double v = 1 + t.sigma * t.sigma;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double left = 1 / (1 + 4 * std::exp(10 * x[e] / v));
            const double near = 5 * (1 - 2 * left);  // the mean of the centres
            x0[e] = near + (x[e] - near) / v;
        }
    }
};

double share_on_the_left(const vector& x) {
    double left = 0;
    for (const double e : x) left += e < 0;
    return left / static_cast<double>(x.size());
}

/// Particles that begin evenly in [-8, 8], as in Song and Ermon (2019, section 3.2.2).
vector spread(std::size_t count) {
    vector x(count);
    for (std::size_t i = 0; i < count; ++i)
        x[i] = -8 + 16 * (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    return x;
}

}  // namespace

TEST_CASE("a level is lines 4 to 7 of algorithm 1 of Song and Ermon 2019") {
    const std::vector<double> sigmas{3, 1, 0.2};
    const double epsilon = 0.01, sigma_L = 0.2;  // their epsilon is halved in a move
    const vector start{1, -2, 0.5}, z{0.3, -1, 2};
    vector x = start, y = start;
    sample(x,
           annealed_langevin(
               ladder_grid(sigmas),
               {.step_size = epsilon / (2 * sigma_L * sigma_L), .steps = 4, .denoise = false}),
           toy, [&](vector& out, const noise_address&) { out = z; });
    for (const double sigma : sigmas) {
        const noise_level level = variance_exploding_level(sigma);
        const double alpha_i = epsilon * sigma * sigma / (sigma_L * sigma_L);
        for (int t = 0; t < 4; ++t)
            for (std::size_t e = 0; e < 3; ++e) {
                const double score = -(y[e] - toy.mean_at(level)) / std::pow(toy.std_at(level), 2);
                y[e] += alpha_i / 2 * score + std::sqrt(alpha_i) * z[e];
            }
    }
    for (std::size_t e = 0; e < 3; ++e) CHECK(x[e] == Approx(y[e]).epsilon(1e-12));
}

TEST_CASE("proposition 3 of Song and Ermon 2020: the variance after T moves") {
    const support::gaussian_toy a_point{0, 0};
    const double sigma = 0.3, ratio = 1.4;
    for (const double e : {0.01, 0.2, 0.9})
        for (const std::size_t steps : {1u, 5u, 20u}) {
            const annealed_langevin plan(ladder_grid({sigma}),
                                         {.step_size = e, .steps = steps, .denoise = false});
            const moments left = after(plan, a_point, steps, {0, std::pow(ratio * sigma, 2)});
            CHECK(left.variance / (sigma * sigma) ==
                  Approx(langevin_variance(ratio, e, steps)).epsilon(1e-12));
        }
}

TEST_CASE(
    "on a Gaussian, Langevin dynamics ends near its distribution, the nearer the shorter "
    "its moves") {
    // x - m shrinks by q = 1 - e sigma^2/v in a move and gets 2 e sigma^2 of variance, v that of
    // the data with noise; so the end is 2 e sigma^2/(1 - q^2) = v/(1 - e sigma^2/(2 v)).
    const double sigma = 0.4, v = toy.std * toy.std + sigma * sigma;
    for (const double e : {0.5, 0.1, 0.01}) {
        const std::size_t steps = 200;
        const annealed_langevin plan(ladder_grid({sigma}),
                                     {.step_size = e, .steps = steps, .denoise = false});
        const double end = v / (1 - e * sigma * sigma / (2 * v));
        const moments stayed = after(plan, toy, steps, {toy.mean, end});
        CHECK(stayed.mean == Approx(toy.mean).epsilon(1e-12));
        CHECK(stayed.variance == Approx(end).epsilon(1e-10));
        if (e < 0.1) continue;  // would take longer
        const moments came = after(plan, toy, steps, {2, 3});
        CHECK(came.mean == Approx(toy.mean).epsilon(1e-3));
        CHECK(came.variance == Approx(end).epsilon(1e-3));
    }
}

TEST_CASE("annealing weighs two modes rightly, Langevin dynamics alone does not") {
    // Song and Ermon (2019, section 3.2.2): from everywhere half of the particles come to the left
    // mode, and stay, since between the modes there is nothing.
    vector x = spread(1000);
    sample(x, annealed_langevin(ladder_grid({1}), {.step_size = 0.05, .steps = 400}), two_modes{},
           gaussian_noise{1});
    CHECK(share_on_the_left(x) > 0.4);
    vector y = spread(1000);
    sample(y,
           annealed_langevin(ladder_grid(exponential_sigmas(10, {1, 20})),
                             {.step_size = 0.05, .steps = 100, .denoise = false}),
           two_modes{}, gaussian_noise{2});
    CHECK(share_on_the_left(y) == Approx(0.2).epsilon(0.2));
    const moments found = moments_of(y);  // 16 between the modes, 1 within, 1 of noise
    CHECK(found.mean == Approx(3).epsilon(0.1));
    CHECK(found.variance == Approx(18).epsilon(0.1));
}

TEST_CASE(
    "with the ratio and step size of NCSNv2 a Gaussian is met, and the last move removes the "
    "noise that is left") {
    const std::vector<double> sigmas = geometric_sigmas({0.1, 10}, 1.15);
    const time_grid grid = ladder_grid(sigmas);
    annealing how{.step_size = langevin_step_size(sigmas[0] / sigmas[1], 5), .steps = 5};
    vector x(8000), y(8000);
    draw_prior(x, grid.front(), gaussian_noise{1});
    y = x;
    sample(x, annealed_langevin(grid, how), toy, gaussian_noise{2});
    how.denoise = false;
    sample(y, annealed_langevin(grid, how), toy, gaussian_noise{2});
    CHECK(moments_of(x).mean == Approx(0.7).epsilon(0.05));
    CHECK(moments_of(y).variance == Approx(0.25 + 0.01).epsilon(0.06));
    for (std::size_t e = 0; e < 8000; e += 100)
        CHECK(x[e] == Approx(toy.data(y[e], grid[grid.size() - 2])).epsilon(1e-12));
}

TEST_CASE("on any schedule x/alpha moves as x does where alpha is 1") {
    const std::vector<double> sigmas{4, 1, 0.3};
    const time_grid exploding = grid_of_sigmas(ve_geometric{0.1, 10}, sigmas);
    const time_grid preserving = grid_of_sigmas(vp_linear{}, sigmas);
    for (const bool denoise : {true, false}) {
        const annealing how{.step_size = 0.1, .steps = 3, .denoise = denoise};
        vector x(5), y(5);
        draw_prior(x, exploding.front(), gaussian_noise{1});
        draw_prior(y, preserving.front(), gaussian_noise{1});
        sample(x, annealed_langevin(exploding, how), toy, gaussian_noise{2});
        sample(y, annealed_langevin(preserving, how), toy, gaussian_noise{2});
        for (std::size_t e = 0; e < 5; ++e) CHECK(y[e] == Approx(x[e]).epsilon(1e-11));
    }
}

TEST_CASE("a run takes T calls at each level, and one more to denoise") {
    for (const bool denoise : {true, false}) {
        std::size_t calls = 0;
        const auto counted = [&](const vector& x, const node& t, vector& x0) {
            ++calls;
            toy(x, t, x0);
        };
        vector x{1, 2};
        sample(x, annealed_langevin(ladder_grid({3, 2, 1}), {.steps = 7, .denoise = denoise}),
               counted, gaussian_noise{1});
        CHECK(calls == 21 + std::size_t{denoise});
    }
}

TEST_CASE("grids that it cannot walk are refused") {
    using support::is_complete;
    using support::refusal;
    const auto refused = [](const time_grid& grid) {
        return refusal([&] { annealed_langevin{grid}; });
    };
    const time_grid grid = ladder_grid({2, 1});
    CHECK(is_complete(refused({}), 0));
    CHECK(is_complete(refused(inverted(grid))));
    CHECK(is_complete(refused({grid[0], grid[1]}), 1.0));  // does not end at clean data
    const node pure_noise{1, 0, 1, -HUGE_VAL}, clean{0, 1, 0, HUGE_VAL};
    CHECK(is_complete(refused({pure_noise, clean}), 0.0));
}
