#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

const discrete_schedule<> schedule;
const support::gaussian_toy toy;

/// A network that knows the time and nothing else, as a trained one.
const auto net = [](const vector& x, double t) {
    vector eps = x;
    for (double& e : eps) e = toy.noise(e, schedule(t));
    return eps;
};

/// From data to noise and back; the largest change of the data.
double round_trip(std::size_t n) {
    const time_grid grid = trailing(schedule, n);
    const vector data{-0.5, 0.7, 1.1, 2.0};
    vector x = data;
    sample(x, multistep(ddim_inversion{}, inverted(grid)), predicts_noise(net));
    sample(x, multistep(ddim{}, grid), predicts_noise(net));
    double worst = 0;
    for (std::size_t e = 0; e < x.size(); ++e) worst = std::fmax(worst, std::abs(x[e] - data[e]));
    return worst;
}

}  // namespace

TEST_CASE(
    "DDIM runs from data to noise as well, and comes back the closer, the shorter the steps") {
    CHECK(round_trip(1000) < 2e-2);
    CHECK(round_trip(1000) < 0.7 * round_trip(500));
    CHECK(round_trip(500) < 0.7 * round_trip(250));
    CHECK(round_trip(250) > 1e-4);  // it is an approximation, not an identity
}

TEST_CASE("inversion finds the noise that the exact flow comes from") {
    const time_grid grid = all_steps(schedule);
    vector x{1.3};
    sample(x, multistep(ddim_inversion{}, inverted(grid)), predicts_noise(net));
    CHECK(x[0] == Approx(toy.flow(1.3, grid.back(), grid.front())).epsilon(2e-2));
}

TEST_CASE(
    "an inversion asks the network at the times it was trained at, from the cleanest to the "
    "noisiest") {
    vector asked_at, x{1};
    const auto asks = [&](const vector& in, double t) {
        asked_at.push_back(t);
        return net(in, t);
    };
    sample(x, multistep(ddim_inversion{}, inverted(leading(schedule, 4))), predicts_noise(asks));
    CHECK(asked_at == vector{0, 250, 500, 750});
}

TEST_CASE("a guided network can be inverted too") {
    const time_grid grid = trailing(schedule, 200);
    const auto other = [](const vector& x, double t) {
        vector eps = net(x, t);
        for (double& e : eps) e *= 0.9;
        return eps;
    };
    guided denoise{predicts_noise(net), predicts_noise(other), 1.5, vector(1)};
    vector x{1.1};
    sample(x, multistep(ddim_inversion{}, inverted(grid)), denoise);
    CHECK(std::isfinite(x[0]));
    sample(x, multistep(ddim{}, grid), denoise);
    CHECK(x[0] == Approx(1.1).epsilon(0.05));
}

TEST_CASE("rules that extrapolate noise run forward in time, at their order") {
    const auto error = [](std::size_t n) {
        time_grid grid;
        const double first = schedule(900).lambda, last = schedule(20).lambda;
        for (std::size_t i = 0; i <= n; ++i) {
            const double lambda =
                first + (last - first) * static_cast<double>(i) / static_cast<double>(n);
            const noise_level level = variance_preserving(-0.5 * std::log1p(std::exp(-2 * lambda)));
            grid.push_back({-lambda, level.alpha, level.sigma, level.lambda});
        }
        std::vector<double> x{1.3};
        sample(x, multistep(exponential_adams<2, prediction::noise>{}, inverted(grid)), toy);
        return std::abs(x[0] - toy.flow(1.3, grid.back(), grid.front()));
    };
    CHECK(std::abs(std::log2(error(100) / error(200)) - 2) < 0.3);
}

TEST_CASE(
    "where clean data says nothing about the noise, an inversion is refused, not run into NaN") {
    const multistep inversion(ddim_inversion{}, inverted(trailing(schedule, 5)));
    const auto bare = [](const vector& x, const node&, vector& x0) { x0 = x; };
    vector x{1};
    CHECK_THROWS_AS(sample(x, inversion, bare), std::invalid_argument);
    CHECK_THROWS_AS(sample(x, inversion, clipped(bare)), std::invalid_argument);
    CHECK_THROWS_AS(sample(x, inversion, guided(bare, bare, 2, vector(1))), std::invalid_argument);
    CHECK(x == vector{1});
}
