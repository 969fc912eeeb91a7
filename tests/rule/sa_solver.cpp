#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/exponential_adams_moulton.hpp>
#include <diffusion/rule/sa_solver.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("SA-Solver transports the marginals, whatever tau") {
    for (const named_grid& g : grids())
        for (const double tau : {0.0, 0.3, 1.0, 1.5}) {
            CAPTURE(g.name);
            CAPTURE(tau);
            const deviation predicted = marginal_deviation(sa_predictor<3>{{tau}}, g.grid);
            const deviation corrected = marginal_deviation(sa_corrector<3>{{tau}}, g.grid);
            CHECK(predicted.mean < 1e-12);
            CHECK(predicted.variance < 1e-12);
            CHECK(corrected.mean < 1e-12);
            CHECK(corrected.variance < 1e-12);
        }
}

TEST_CASE("SA-Solver is exponential Adams with eta = tau^2 where it is not simplified") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    const constant_tau tau{0.5};
    CHECK(kernel_of(sa_predictor<3>{tau}, grid, 5) ==
          kernel_of(exponential_adams<3>{0.25}, grid, 5));
    CHECK(kernel_of(sa_predictor<2>{tau, two_node_form::heun}, grid, 5) ==
          kernel_of(exponential_adams<2>{0.25}, grid, 5));
    CHECK(kernel_of(sa_corrector<3>{tau}, grid, 5) ==
          kernel_of(exponential_adams_moulton<3>{0.25}, grid, 5));
    CHECK(difference(kernel_of(sa_predictor<2>{tau}, grid, 5),
                     kernel_of(exponential_adams<2>{0.25}, grid, 5)) > 1e-4);
}

TEST_CASE("as published, the first difference has weight h/2 on data, and the exact one on noise") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    const node &u = grid[4], &t = grid[5], &s = grid[6];
    const double h = s.lambda - t.lambda, rate = 1 + 0.25;
    const double slope = s.alpha * rate * h * h / 2 / (t.lambda - u.lambda);
    const auto data = kernel_of(sa_predictor<2>{{0.5}}, grid, 5);
    CHECK(data.b[0] == Approx(s.alpha * (1 - std::exp(-rate * h)) + slope).epsilon(1e-12));
    CHECK(data.b[1] == Approx(-slope).epsilon(1e-12));
    CHECK(data.c == Approx(s.sigma * std::sqrt(1 - std::exp(-0.5 * h))).epsilon(1e-12));

    // x_s = (alpha_s/alpha_t) x - (1 + tau^2) sigma_s int e^{lambda_s - lambda} eps + tau sigma_s
    // sqrt(e^{2h} - 1) z, with eps linear through two nodes.
    const double moment = std::exp(h) - 1 - h;  // int e^{lambda_s - lambda} (lambda - lambda_t)
    const double lead = -rate * s.sigma;
    const auto noise = kernel_of(sa_predictor<2, prediction::noise>{{0.5}}, grid, 5);
    CHECK(noise.a == Approx(s.alpha / t.alpha).epsilon(1e-14));
    CHECK(noise.b[0] ==
          Approx(lead * (std::expm1(h) + moment / (t.lambda - u.lambda))).epsilon(1e-12));
    CHECK(noise.b[1] == Approx(-lead * moment / (t.lambda - u.lambda)).epsilon(1e-11));
    CHECK(noise.c == Approx(0.5 * s.sigma * std::sqrt(std::expm1(2 * h))).epsilon(1e-12));
}

TEST_CASE("tau is asked at the beginning of each step, and may have bounds") {
    const time_grid grid = make_grid(discrete_schedule<>{}, {900, 700, 500, 100});
    const sa_predictor<2> rule{{1, 200, 800}};
    CHECK(kernel_of(rule, grid, 0).c == 0);
    CHECK(kernel_of(rule, grid, 1).c > 0);
    CHECK(kernel_of(rule, grid, 2).c > 0);
    CHECK(kernel_of(rule, grid, 3).c == 0);
    const auto own = [](double t) { return t > 600 ? 0.5 : 0; };
    CHECK((kernel_of(sa_predictor<2, prediction::data, decltype(own)>{own}, grid, 1).c ==
           kernel_of(sa_predictor<2>{{0.5}}, grid, 1).c));
}

TEST_CASE("a tau that is negative or not finite is refused by value") {
    const node seen[] = {node_at(vp_linear{}, 0.5)};
    const node s = node_at(vp_linear{}, 0.25);
    CHECK_THROWS_WITH_AS((sa_predictor<2>{{-0.5}}(seen, s)),
                         "diffusion::sa_solver: tau must be finite and not negative, got -0.5",
                         std::invalid_argument);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS((sa_predictor<2>{{nan}}(seen, s)), std::invalid_argument);
    CHECK_THROWS_AS((sa_corrector<1>{{HUGE_VAL}}(seen, s)), std::invalid_argument);
}

TEST_CASE("without noise the predictor has the order in its name") {
    CHECK(std::abs(measured_order(sa_predictor<1>{{0}}) - 1) < 0.3);
    CHECK(std::abs(measured_order(sa_predictor<2>{{0}}) - 2) < 0.3);
    CHECK(std::abs(measured_order(sa_predictor<3>{{0}}) - 3) < 0.3);
    CHECK(std::abs(measured_order(sa_predictor<2, prediction::noise>{{0}}) - 2) < 0.3);
}
