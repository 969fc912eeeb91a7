#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/sde/reverse_time.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

#include "sde/processes.hpp"
#include "support/gaussian_toy.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const support::gaussian_toy toy{0.7, 0.5};
const dormand_prince solver({.rtol = 1e-10, .atol = 1e-12});

}  // namespace

TEST_CASE("Anderson: run backwards, the SDE of a Gaussian keeps its marginals, for every eta") {
    // The score is -(x - m_t)/v_t, so the reverse process is linear too. With A = f - score/v,
    // dm/dt = A m + score m_t/v_t and, as time runs backwards, dv/dt = 2 A v - noise^2.
    for (const double eta : {0.0, 0.5, 1.0, 2.0})
        for_each_sde([eta](const auto& sde) {
            const noise_level begin = sde.marginal(0.95), end = sde.marginal(0.1);
            const auto moments = [&](double t, const vector& m, vector& dm) {
                const reverse_slope slope = reverse_time(sde, t, eta);
                const noise_level at = sde.marginal(t);
                const double per_v = slope.score / (toy.std_at(at) * toy.std_at(at));
                dm[0] = (slope.x - per_v) * m[0] + per_v * toy.mean_at(at);
                dm[1] = 2 * (slope.x - per_v) * m[1] - slope.noise * slope.noise;
            };
            vector m{toy.mean_at(begin), toy.std_at(begin) * toy.std_at(begin)};
            auto memory = solver.init(m);
            solver.integrate(moments, 0.95, 0.1, m, memory);
            CHECK(m[0] == Approx(toy.mean_at(end)).epsilon(1e-7));
            CHECK(m[1] == Approx(toy.std_at(end) * toy.std_at(end)).epsilon(1e-7));
        });
}

TEST_CASE("the probability-flow ODE carries every point as the analytic flow does, both ways") {
    for_each_sde([](const auto& sde) {
        const noise_level noisy = sde.marginal(0.95), clean = sde.marginal(0.1);
        const vector start{-1.5, 0.2, 1.9};
        vector x = start;
        probability_flow flow(sde, toy, like(x));
        auto memory = solver.init(x);
        solver.integrate(flow, 0.95, 0.1, x, memory);
        for (std::size_t e = 0; e < 3; ++e)
            CHECK(x[e] == Approx(toy.flow(start[e], noisy, clean)).epsilon(1e-7));
        solver.integrate(flow, 0.1, 0.95, x, memory);
        for (std::size_t e = 0; e < 3; ++e) CHECK(x[e] == Approx(start[e]).epsilon(1e-7));
    });
}

TEST_CASE("the score is -eps/sigma and the gradient of the log-density") {
    const gaussian_mixture q({{0.7, {1, 0.5}, {0.3}}, {0.3, {-1, -0.2}, {0.2, 0.1, 0.1, 0.4}}});
    const vector x{0.3, -0.4};
    for_each_sde([&](const auto& sde) {
        const node at = node_at(sde.marginal, 0.4);
        vector x0(2), eps(2), score(2);
        detail::denoise_with_noise(q, x, at, x0, eps);
        q.score(x, at, score);
        const reverse_slope slope = reverse_time(sde, at.t);
        vector drift(2);
        reverse_drift(sde, at.t, 1, x, score, drift);
        for (std::size_t e = 0; e < 2; ++e) {
            CHECK(score[e] == Approx(-eps[e] / at.sigma).epsilon(1e-10));
            CHECK(drift[e] == Approx(slope.x * x[e] + slope.score * score[e]).epsilon(1e-14));
            vector above = x, below = x;
            const double h = 1e-4 * at.sigma;
            above[e] += h;
            below[e] -= h;
            const double rise = q.log_densities(above, at)[0] - q.log_densities(below, at)[0];
            CHECK(score[e] == Approx(rise / (2 * h)).epsilon(1e-5));
        }
    });
}

TEST_CASE("eta that makes no sense is refused, and the ODE at clean data") {
    for (const double eta : {-0.1, double(NAN), double(INFINITY)})
        CHECK(
            support::is_complete(support::refusal([&] { reverse_time(vp_sde{}, 0.5, eta); }), eta));
    vector x{1}, dx{0};
    probability_flow flow(vp_sde{}, toy, vector{0});
    CHECK(support::is_complete(support::refusal([&] { flow(0, x, dx); }), 0));
}
