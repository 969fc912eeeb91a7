#include <diffusion/objective/likelihood_weighting.hpp>

#include <cmath>
#include <cstddef>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/objective/weighting.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/sub_vp.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

// g(t)^2 as printed (Song et al. 2021, eqs. 32, 12 and 30)
double g_squared_vp(double t) { return 0.1 + 19.9 * t; }
double g_squared_sub_vp(double t) {
    return g_squared_vp(t) * -std::expm1(-2 * (0.1 * t + 0.5 * 19.9 * t * t));
}
double g_squared_ve(double t) {
    const double sigma = ve_geometric{}(t).sigma;
    return sigma * sigma * 2 * std::log(50 / 0.01);
}

template <class S, class G>
void check_slope(const S& schedule, const G& g_squared) {
    const likelihood_weighting weighting{g_squared};
    static_assert(loss_weighting<decltype(weighting)>);
    for (const double t : {0.05, 0.3, 0.7, 0.95}) {
        const double h = 1e-5;
        const double slope = (schedule(t + h).lambda - schedule(t - h).lambda) / (2 * h);
        const node at = node_at(schedule, t);
        CHECK(weighting(at) == Approx(-2 * slope).epsilon(1e-6));
        CHECK(loss_weight(weighting, target::score, at) == Approx(g_squared(t)).epsilon(1e-12));
    }
}

}  // namespace

TEST_CASE(
    "likelihood weighting weighs the score loss by g^2, and the noise loss by -2 dlambda/dt") {
    check_slope(vp_linear{}, g_squared_vp);
    check_slope(sub_vp_linear{}, g_squared_sub_vp);
    check_slope(ve_geometric{}, g_squared_ve);
}

TEST_CASE("times uniform in lambda are the importance sampling of likelihood weighting") {
    // both integrals of a loss that depends on the level, by the midpoint rule
    const vp_linear schedule;
    const uniform_in_lambda times(schedule, 1e-3, 1);
    const likelihood_weighting weighting{g_squared_vp};
    const auto loss = [&](double t) { return std::exp(-t) + schedule(t).sigma; };
    const std::size_t n = 4000;
    double weighted = 0, sampled = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double u = (static_cast<double>(i) + 0.5) / n;
        // evenly in log t, as the weight is like 1/t near 0
        const double t = std::exp((1 - u) * std::log(1e-3)), rate = t * -std::log(1e-3);
        weighted += weighting(node_at(schedule, t)) * loss(t) * rate / n / (1 - 1e-3);
        sampled += loss(times(u)) / n;
    }
    CHECK(times.factor() * sampled == Approx(weighted).epsilon(1e-4));
    CHECK(times(0.25) < times(0.75));
    CHECK(schedule(times(0.5)).lambda ==
          Approx(0.5 * (schedule(1e-3).lambda + schedule(1).lambda)).epsilon(1e-12));
}

TEST_CASE("an interval that is none, or that ends at clean data, is refused") {
    CHECK(support::is_complete(support::refusal([] { uniform_in_lambda(vp_linear{}, 0.5, 0.5); }),
                               0.5));
    CHECK(
        support::is_complete(support::refusal([] { uniform_in_lambda(vp_linear{}, 0, 1); }), 0.0));
}
