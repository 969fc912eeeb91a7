#include "../../examples/support/ink_drop.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

using examples::cloud;
using examples::ink_drop;

namespace {

const diffusion::discrete_schedule<diffusion::linear_beta> schedule;

double log_density(const ink_drop& drop, double x, double y, const diffusion::noise_level& t) {
    return drop.ink.log_densities(cloud{x, y}, t)[0];
}

}  // namespace

TEST_CASE("the denoiser of a drop is the derivative of its log density (Tweedie)") {
    for (const ink_drop& drop : examples::three_drops()) {
        for (const int step : {5, 100, 700}) {
            const diffusion::node t = diffusion::node_at(schedule, step);
            const cloud x{0.3, -0.4};
            cloud x0(2);
            drop(x, t, x0);
            const double h = 1e-5, sigma2 = t.sigma * t.sigma;
            const double score_x =
                (log_density(drop, 0.3 + h, -0.4, t) - log_density(drop, 0.3 - h, -0.4, t)) /
                (2 * h);
            const double score_y =
                (log_density(drop, 0.3, -0.4 + h, t) - log_density(drop, 0.3, -0.4 - h, t)) /
                (2 * h);
            CHECK(t.alpha * x0[0] - x[0] == doctest::Approx(sigma2 * score_x).epsilon(1e-6));
            CHECK(t.alpha * x0[1] - x[1] == doctest::Approx(sigma2 * score_y).epsilon(1e-6));
        }
    }
}

TEST_CASE("the entropy of one round spot is 1 + log(2 pi variance)") {
    const ink_drop drop = examples::three_drops()[0];
    const cloud x = drop.pour(20000, 3);
    const double variance = drop.spread * drop.spread;
    CHECK(drop.entropy(x, diffusion::clean_data) ==
          doctest::Approx(1 + std::log(2 * std::numbers::pi * variance)).epsilon(0.03));
}

TEST_CASE("two clouds are as far apart as their worse coordinate") {
    CHECK(examples::cloud_distance({0, 0, 1, 1}, {0, 0, 1, 1}) == 0);
    CHECK(examples::cloud_distance({0, 0, 1, 1}, {0, 5, 1, 6}) == 1);
    CHECK(examples::cloud_distance({0, 0, 1, 1}, {5, 0, 6, 1}) == 1);
}
