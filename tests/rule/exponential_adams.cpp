#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <stdexcept>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/exponential_adams.hpp>

#include "rule/invariants.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

template <std::size_t K>
void check_invariants() {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        CAPTURE(K);
        for (const double eta : {0.0, 0.5, 1.0}) {
            CAPTURE(eta);
            const deviation found = marginal_deviation(exponential_adams<K>{eta}, g.grid);
            CHECK(found.mean < 1e-13);
            CHECK(found.variance < 1e-13);
        }
        if (g.grid.front().alpha > 0)
            CHECK(constant_noise_deviation(exponential_adams<K, prediction::noise>{}, g.grid) <
                  1e-13);
    }
}

/// int_0^h e^{-rate (h - v)} l_j(v) dv by Simpson's rule, l_j the Lagrange polynomial on nodes v_k.
double quadrature(double rate, double h, const std::vector<double>& nodes, std::size_t j) {
    const auto integrand = [&](double v) {
        double value = std::exp(-rate * (h - v));
        for (std::size_t k = 0; k < nodes.size(); ++k)
            if (k != j) value *= (v - nodes[k]) / (nodes[j] - nodes[k]);
        return value;
    };
    const int n = 2000;
    double sum = integrand(0) + integrand(h);
    for (int i = 1; i < n; ++i) sum += (i % 2 == 1 ? 4 : 2) * integrand(h * i / n);
    return sum * h / (3 * n);
}

template <std::size_t K, prediction Prediction>
void check_weights(const time_grid& grid, double eta) {
    const bool data = Prediction == prediction::data;
    for (std::size_t i = 0; i + 2 < grid.size(); ++i) {
        const node &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda, rate = data ? 1 + eta : -1;
        std::vector<double> nodes;
        for (std::size_t k = 0; k < std::min(K, i + 1); ++k)
            nodes.push_back(grid[i - k].lambda - t.lambda);
        const auto kernel = kernel_of(exponential_adams<K, Prediction>{eta}, grid, i);
        for (std::size_t j = 0; j < nodes.size(); ++j) {
            const double wanted =
                (data ? rate * s.alpha : -s.sigma) * quadrature(rate, h, nodes, j);
            CAPTURE(i);
            CAPTURE(j);
            CHECK(kernel.b[j] == Approx(wanted).epsilon(1e-9));
        }
        for (std::size_t j = nodes.size(); j < K; ++j) CHECK(kernel.b[j] == 0);
    }
}

}  // namespace

TEST_CASE(
    "exponential Adams of orders 1 to 4 transports the marginals, or is exact on constant noise") {
    check_invariants<1>();
    check_invariants<2>();
    check_invariants<3>();
    check_invariants<4>();
}

TEST_CASE("its weights are integrals of Lagrange polynomials") {
    for (const time_grid& grid : {uniform_time(vp_linear{}, 8), uniform_time(ve_geometric{}, 8),
                                  uniform_lambda(vp_cosine{}, 40, 0.99, 0.01),
                                  make_grid(flow_schedule{}, {0.99, 0.9, 0.85, 0.5, 0.3, 0.1})}) {
        for (const double eta : {0.0, 0.5, 1.0}) {
            check_weights<1, prediction::data>(grid, eta);
            check_weights<2, prediction::data>(grid, eta);
            check_weights<3, prediction::data>(grid, eta);
            check_weights<4, prediction::data>(grid, eta);
        }
        check_weights<1, prediction::noise>(grid, 0);
        check_weights<2, prediction::noise>(grid, 0);
        check_weights<3, prediction::noise>(grid, 0);
        check_weights<4, prediction::noise>(grid, 0);
    }
}

TEST_CASE("order 1 is DDIM for eta = 0 and DDPM for eta = 1") {
    for (const named_grid& g : grids())
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i) {
            CAPTURE(g.name);
            CAPTURE(i);
            CHECK(difference(kernel_of(exponential_adams<1>{}, g.grid, i),
                             kernel_of(ddim{}, g.grid, i)) < 1e-13);
            CHECK(difference(kernel_of(exponential_adams<1>{1}, g.grid, i),
                             kernel_of(ddpm{}, g.grid, i)) < 1e-13);
        }
}

TEST_CASE("order 1 on noise is DDIM too") {
    // x0 = (x - sigma_t eps)/alpha_t turns the data kernel into the noise kernel
    for (const named_grid& g : grids()) {
        if (g.grid.front().alpha == 0) continue;
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i) {
            const node& t = g.grid[i];
            const auto data = kernel_of(ddim{}, g.grid, i);
            const auto noise = kernel_of(exponential_adams<1, prediction::noise>{}, g.grid, i);
            CAPTURE(g.name);
            CHECK(noise.a == Approx(data.a + data.b[0] / t.alpha).epsilon(1e-12));
            CHECK(noise.b[0] == Approx(-data.b[0] * t.sigma / t.alpha).epsilon(1e-12));
        }
    }
}

TEST_CASE("order 2 is the heun form of DPM-Solver++ 2M") {
    // Lu et al. 2022b: x_s = sigma_s/sigma_t x - alpha_s (e^{-h} - 1) D_0
    //                        + alpha_s ((e^{-h} - 1)/h + 1) (D_0 - D_1)/r
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 1; i + 2 < grid.size(); ++i) {
        const node &before = grid[i - 1], &t = grid[i], &s = grid[i + 1];
        const double h = s.lambda - t.lambda, r = (t.lambda - before.lambda) / h;
        const double slope = s.alpha * ((std::exp(-h) - 1) / h + 1) / r;
        const auto kernel = kernel_of(exponential_adams<2>{}, grid, i);
        CAPTURE(i);
        CHECK(kernel.a == Approx(s.sigma / t.sigma).epsilon(1e-14));
        CHECK(kernel.b[0] == Approx(s.alpha * (1 - std::exp(-h)) + slope).epsilon(1e-12));
        CHECK(kernel.b[1] == Approx(-slope).epsilon(1e-12));
    }
}

TEST_CASE("with fewer nodes than its order it is the rule of that lower order") {
    const time_grid grid = uniform_time(vp_linear{}, 10);
    const auto three = kernel_of(exponential_adams<3>{}, grid, 5, 2);
    const auto two = kernel_of(exponential_adams<2>{}, grid, 5);
    CHECK(three.b[0] == Approx(two.b[0]).epsilon(1e-14));
    CHECK(three.b[1] == Approx(two.b[1]).epsilon(1e-14));
    CHECK(three.b[2] == 0);
}

TEST_CASE("moments of the exponential agree on both sides of the switch from series to recursion") {
    for (const double sign : {-1.0, 1.0}) {
        const auto series = detail::exponential_moments<4>(sign * (1 - 1e-15));
        const auto recursion = detail::exponential_moments<4>(sign * (1 + 1e-15));
        for (std::size_t k = 0; k < 4; ++k) CHECK(series[k] == Approx(recursion[k]).epsilon(1e-13));
    }
    const auto at_zero = detail::exponential_moments<4>(0);
    for (std::size_t k = 0; k < 4; ++k)
        CHECK(at_zero[k] == Approx(1 / static_cast<double>(k + 1)).epsilon(1e-15));
}

TEST_CASE("a negative eta, and noise added to a noise rule, are refused by name and value") {
    const node seen[] = {node_at(vp_linear{}, 0.5)};
    const node s = node_at(vp_linear{}, 0.25);
    CHECK_THROWS_WITH_AS((exponential_adams<2>{-1}(seen, s)),
                         "diffusion::exponential_step: eta must not be negative, got -1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        (exponential_adams<2, prediction::noise>{0.5}(seen, s)),
        "diffusion::exponential_adams: eta must be 0 for noise prediction, got 0.5",
        std::invalid_argument);
}
