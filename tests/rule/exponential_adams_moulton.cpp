#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/exponential_adams_moulton.hpp>

#include "rule/invariants.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("exponential Adams-Moulton transports the marginals, as ODE and as SDE") {
    for (const named_grid& g : grids())
        for (const double eta : {0.0, 0.5, 1.0}) {
            CAPTURE(g.name);
            CAPTURE(eta);
            const deviation one = marginal_deviation(exponential_adams_moulton<1>{eta}, g.grid);
            const deviation three = marginal_deviation(exponential_adams_moulton<3>{eta}, g.grid);
            CHECK(one.mean < 1e-13);
            CHECK(one.variance < 1e-13);
            CHECK(three.mean < 1e-12);
            CHECK(three.variance < 1e-13);
        }
}

TEST_CASE("on noise it is exact for constant noise") {
    for (const named_grid& g : grids()) {
        if (g.grid.front().alpha == 0) continue;
        CAPTURE(g.name);
        CHECK(constant_noise_deviation(exponential_adams_moulton<2, prediction::noise>{}, g.grid) <
              1e-12);
        CHECK(constant_noise_deviation(exponential_adams_moulton<4, prediction::noise>{}, g.grid) <
              1e-12);
    }
}

TEST_CASE("with two predictions the weights are those of the exponential trapezoidal rule") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 0; i + 2 < grid.size(); ++i) {
        const node &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda, mean = (1 - std::exp(-h)) / h;
        const auto kernel = kernel_of(exponential_adams_moulton<2>{}, grid, i);
        CAPTURE(i);
        CHECK(kernel.a == Approx(s.sigma / t.sigma).epsilon(1e-14));
        CHECK(kernel.b[0] == Approx(s.alpha * (1 - mean)).epsilon(1e-11));
        CHECK(kernel.b[1] == Approx(s.alpha * (mean - std::exp(-h))).epsilon(1e-11));
    }
}

namespace {

/// What a kernel makes of data that are lambda^degree, as the network would say at every node, less
/// the integral alpha_s int e^{-(lambda_s - lambda)} lambda^degree by Simpson's rule.
template <std::size_t K>
double error_on_power(const gaussian_kernel<K>& kernel, const time_grid& grid, std::size_t i,
                      int degree) {
    const node &t = grid[i], &s = grid[i + 1];
    double sum = kernel.b[0] * std::pow(s.lambda, degree);
    for (std::size_t k = 1; k < K; ++k)
        sum += kernel.b[k] * std::pow(grid[i + 1 - k].lambda, degree);
    double integral = 0;
    const int pieces = 2000;
    for (int p = 0; p <= pieces; ++p) {
        const double lambda = t.lambda + (s.lambda - t.lambda) * p / pieces;
        const double weight = p == 0 || p == pieces ? 1 : p % 2 == 1 ? 4 : 2;
        integral += weight * std::exp(lambda - s.lambda) * std::pow(lambda, degree);
    }
    return sum - s.alpha * integral * (s.lambda - t.lambda) / (3.0 * pieces);
}

}  // namespace

TEST_CASE("K predictions integrate polynomials in lambda of degree K - 1, and no higher ones") {
    const time_grid grid = uniform_time(vp_linear{}, 12);
    const auto three = kernel_of(exponential_adams_moulton<3>{}, grid, 6);
    const auto four = kernel_of(exponential_adams_moulton<4>{}, grid, 6);
    for (int degree = 0; degree <= 3; ++degree)
        CHECK(std::abs(error_on_power(four, grid, 6, degree)) < 1e-11);
    for (int degree = 0; degree <= 2; ++degree)
        CHECK(std::abs(error_on_power(three, grid, 6, degree)) < 1e-11);
    CHECK(std::abs(error_on_power(three, grid, 6, 3)) > 1e-4);
}

TEST_CASE("a step from pure noise takes the new prediction alone") {
    const time_grid grid = uniform_time(flow_schedule{}, 10);  // starts at alpha = 0
    const auto kernel = kernel_of(exponential_adams_moulton<3>{}, grid, 0);
    CHECK(kernel.b[0] == Approx(grid[1].alpha).epsilon(1e-14));
    CHECK(kernel.b[1] == 0);
    CHECK(kernel.b[2] == 0);
}

TEST_CASE("a negative eta is refused, on noise any but 0") {
    const node seen[] = {node_at(vp_linear{}, 0.5)};
    const node s = node_at(vp_linear{}, 0.25);
    CHECK_THROWS_AS((exponential_adams_moulton<2>{-1}(seen, s)), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        (exponential_adams_moulton<2, prediction::noise>{0.5}(seen, s)),
        "diffusion::exponential_adams_moulton: eta must be 0 for noise prediction, got 0.5",
        std::invalid_argument);
}
