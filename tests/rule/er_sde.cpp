#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/er_sde.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("ER-SDE-Solver-1 is DDIM for phi(x) = x and ancestral sampling for phi(x) = x^2") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i) {
            CHECK(difference(kernel_of(er_sde<1, er_sde_flow>{}, g.grid, i),
                             kernel_of(ddim{0}, g.grid, i)) < 1e-12);
            CHECK(difference(kernel_of(er_sde<1, er_sde_reverse>{}, g.grid, i),
                             kernel_of(ddim{1}, g.grid, i)) < 1e-12);
        }
    }
}

TEST_CASE("ER-SDE-Solvers carry the marginals of constant data exactly, whatever phi is") {
    const auto check = [](const auto& rule) {
        for (const named_grid& g : grids()) {
            CAPTURE(g.name);
            const deviation off = marginal_deviation(rule, g.grid);
            CHECK(off.mean < 1e-12);
            CHECK(off.variance < 1e-12);
        }
    };
    check(er_sde<1>{});
    check(er_sde<2>{});
    check(er_sde<3>{});
    check(er_sde<3>{{}, true});
    check(er_sde<3, er_sde_reverse>{});
    check(er_sde<3, er_sde_flow>{});
}

TEST_CASE("without noise ER-SDE-Solver-K has order K, but 2 in the published form of 3") {
    CHECK(std::abs(measured_order(er_sde<1, er_sde_flow>{}) - 1) < 0.3);
    CHECK(std::abs(measured_order(er_sde<2, er_sde_flow>{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(er_sde<3, er_sde_flow>{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(er_sde<3, er_sde_flow>{{}, true}) - 3) < 0.3);
}

namespace {

/// int_{from}^{to} f drho by Simpson's rule on many points.
template <class F>
double integral(F f, double from, double to) {
    constexpr int n = 20000;
    const double h = (to - from) / n;
    double sum = f(from) + f(to);
    for (int i = 1; i < n; ++i) sum += (i % 2 == 1 ? 4 : 2) * f(from + i * h);
    return sum * h / 3;
}

}  // namespace

TEST_CASE("the published ER-SDE-Solver-3 is its paper's formula") {
    // Cui et al. 2023, algorithm 3, with sigma = rho: the nodes t_{i-3}, t_{i-2}, t_{i-1}, and t_i.
    const er_sde_noise_scale phi;
    const time_grid grid = uniform_lambda(edm_schedule{}, 4, 3, 0.5, grid_end::last_time);
    const double x = 1.3, D[3]{0.4, -0.2, 0.9};  // the latest first
    const double s_3 = grid[0].sigma, s_2 = grid[1].sigma, s_1 = grid[2].sigma, s = grid[3].sigma;
    const double r = phi(s) / phi(s_1);
    const double first = (D[0] - D[1]) / (s_1 - s_2), before = (D[1] - D[2]) / (s_2 - s_3);
    const double second = (first - before) / ((s_1 - s_3) / 2);
    const double with_first =
        s - s_1 + phi(s) * integral([&](double v) { return 1 / phi(v); }, s, s_1);
    const double with_second =
        (s - s_1) * (s - s_1) / 2 +
        phi(s) * integral([&](double v) { return (v - s_1) / phi(v); }, s, s_1);
    const double paper = r * x + (1 - r) * D[0] + with_first * first + with_second * second;

    const auto [a, b, c] = kernel_of(er_sde<3>{}, grid, 2);
    CHECK(a * x + b[0] * D[0] + b[1] * D[1] + b[2] * D[2] == Approx(paper).epsilon(1e-12));
    CHECK(c == Approx(std::sqrt(s * s - s_1 * s_1 * r * r)).epsilon(1e-12));
    const auto two = kernel_of(er_sde<2>{}, grid, 2);
    CHECK(two.a * x + two.b[0] * D[0] + two.b[1] * D[1] ==
          Approx(r * x + (1 - r) * D[0] + with_first * first).epsilon(1e-12));
}

TEST_CASE(
    "with noise ER-SDE-Solver-K converges in distribution on Gaussian data with order K = 1, 2") {
    CHECK(std::abs(measured_multistep_weak_order(er_sde<1>{}) - 1) < 0.3);
    CHECK(std::abs(measured_multistep_weak_order(er_sde<2>{}) - 2) < 0.3);
    CHECK(std::abs(measured_multistep_weak_order(er_sde<2, er_sde_reverse>{}) - 2) < 0.3);
}

TEST_CASE("a phi that is not positive or falls too fast is refused") {
    const time_grid grid = uniform_time(edm_schedule{}, 4);
    const auto refused = [&](auto phi) {
        CHECK_THROWS_AS(multistep(er_sde<2, decltype(phi)>{phi}, grid), std::invalid_argument);
    };
    refused([](double x) { return std::sqrt(x); });
    refused([](double) { return 0.0; });
    refused([](double x) { return -x; });
    refused([](double) { return std::numeric_limits<double>::quiet_NaN(); });
}
