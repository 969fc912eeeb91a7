#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <utility>

#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/exponential_adams_moulton.hpp>
#include <diffusion/rule/unipc.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

/// Solves a linear system of p <= 4 equations by Gauss's elimination with pivots.
std::array<double, 4> solved(std::array<std::array<double, 4>, 4> R, std::array<double, 4> y,
                             std::size_t p) {
    for (std::size_t i = 0; i < p; ++i) {
        std::size_t best = i;
        for (std::size_t j = i; j < p; ++j)
            if (std::abs(R[j][i]) > std::abs(R[best][i])) best = j;
        std::swap(R[i], R[best]);
        std::swap(y[i], y[best]);
        for (std::size_t j = 0; j < p; ++j) {
            if (j == i) continue;
            const double factor = R[j][i] / R[i][i];
            for (std::size_t k = 0; k < p; ++k) R[j][k] -= factor * R[i][k];
            y[j] -= factor * y[i];
        }
    }
    for (std::size_t i = 0; i < p; ++i) y[i] /= R[i][i];
    return y;
}

/// The paper's formula on data or noise, by its linear system R(h) a B(h) = phi(h): the weights of
/// the predictions at the nodes seen, m[0] at t, and of `new_one` at s if the corrector is asked
/// for. With hh = -h on data and h on noise, B = hh or e^hh - 1; phi_{k+1} = (phi_k - 1/k!)/hh.
struct weights {
    double a;
    std::array<double, 4> seen{};
    double new_one = 0;
};

weights by_linear_system(const time_grid& grid, std::size_t i, std::size_t count, bool on_data,
                         bool bh_1, bool corrects) {
    const node &t = grid[i], &s = grid[i + 1];
    const double h = s.lambda - t.lambda, hh = on_data ? -h : h;
    const double B = bh_1 ? hh : std::expm1(hh), lead = on_data ? s.alpha : s.sigma;
    std::array<double, 4> r{}, phi{}, a{};
    std::size_t p = 0;
    for (std::size_t k = 1; k < count; ++k) r[p++] = (grid[i - k].lambda - t.lambda) / h;
    if (corrects) r[p++] = 1;
    std::array<std::array<double, 4>, 4> R{};
    double next = std::expm1(hh) / hh - 1, factorial = 1;
    for (std::size_t k = 0; k < p; ++k) {
        for (std::size_t m = 0; m < p; ++m) R[k][m] = std::pow(r[m], static_cast<double>(k));
        phi[k] = next * factorial / B;
        factorial *= static_cast<double>(k + 2);
        next = next / hh - 1 / factorial;
    }
    if (p == 1) a[0] = 0.5;
    else if (p > 1) a = solved(R, phi, p);

    weights w;
    w.a = on_data ? s.sigma / t.sigma : s.alpha / t.alpha;
    w.seen[0] = -lead * std::expm1(hh);
    for (std::size_t m = 0; m < p; ++m) {
        const double weight = -lead * B * a[m] / r[m];  // of D_m = (m_m - m_0)/r_m
        w.seen[0] -= weight;
        if (corrects && m + 1 == p) w.new_one = weight;
        else w.seen[m + 1] = weight;
    }
    return w;
}

template <std::size_t K, prediction Prediction>
double worst_difference(bool bh_1) {
    constexpr bool on_data = Prediction == prediction::data;
    const two_node_form form = bh_1 ? bh1 : bh2;
    const time_grid grid = uniform_time(vp_linear{}, 15);
    double worst = 0;
    for (std::size_t i = 0; i + 2 < grid.size(); ++i) {
        const std::size_t count = i + 1 < K ? i + 1 : K;
        const weights p = by_linear_system(grid, i, count, on_data, bh_1, false);
        const weights c = by_linear_system(grid, i, count, on_data, bh_1, true);
        gaussian_kernel<K> predictor{p.a, {}, 0};
        gaussian_kernel<K + 1> corrector{c.a, {c.new_one}, 0};
        for (std::size_t k = 0; k < K; ++k) {
            predictor.b[k] = p.seen[k];
            corrector.b[k + 1] = c.seen[k];
        }
        worst =
            std::max({worst, difference(kernel_of(unip<K, Prediction>{form}, grid, i), predictor),
                      difference(kernel_of(unic<K, Prediction>{form}, grid, i, K), corrector)});
    }
    return worst;
}

}  // namespace

TEST_CASE("UniP and UniC have the weights of the paper's linear systems") {
    for (const bool bh_1 : {false, true}) {
        CAPTURE(bh_1);
        CHECK(worst_difference<1, prediction::data>(bh_1) < 1e-12);
        CHECK(worst_difference<2, prediction::data>(bh_1) < 1e-12);
        CHECK(worst_difference<3, prediction::data>(bh_1) < 1e-12);
        CHECK(worst_difference<1, prediction::noise>(bh_1) < 1e-12);
        CHECK(worst_difference<2, prediction::noise>(bh_1) < 1e-12);
        CHECK(worst_difference<3, prediction::noise>(bh_1) < 1e-12);
    }
}

TEST_CASE("UniP-1 is DDIM, UniP-2 is DPM-Solver++ 2M or DPM-Solver 2M, UniP-3 is exact") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        CAPTURE(i);
        CHECK(difference(kernel_of(unip<1>{}, grid, i), kernel_of(ddim{}, grid, i)) < 1e-14);
        CHECK(kernel_of(unip<2>{}, grid, i) == kernel_of(dpm_solver_pp_2m{}, grid, i));
        if (i == 1) continue;
        CHECK(kernel_of(unip<3>{}, grid, i) == kernel_of(exponential_adams<3>{}, grid, i));
        CHECK(kernel_of(unip<3>{bh1}, grid, i) == kernel_of(unip<3>{bh2}, grid, i));
        if (i + 2 < grid.size()) {
            CHECK(kernel_of(unip<2, prediction::noise>{}, grid, i) ==
                  kernel_of(dpm_solver_2m{}, grid, i));
        }
    }
}

TEST_CASE("UniC-2 and UniC-3 are exponential Adams-Moulton, UniC-1 is simplified") {
    const time_grid grid = uniform_time(vp_linear{}, 20);
    CHECK(kernel_of(unic<2>{}, grid, 5) == kernel_of(exponential_adams_moulton<3>{}, grid, 5));
    CHECK(kernel_of(unic<3>{bh1}, grid, 5) == kernel_of(exponential_adams_moulton<4>{}, grid, 5));
    CHECK(difference(kernel_of(unic<1>{bh1}, grid, 5),
                     kernel_of(exponential_adams_moulton<2>{}, grid, 5)) > 1e-4);
    CHECK(difference(kernel_of(unic<1>{bh1}, grid, 5), kernel_of(unic<1>{bh2}, grid, 5)) > 1e-4);
}

TEST_CASE("UniP and UniC transport the marginals") {
    for (const named_grid& g : grids())
        for (const two_node_form form : {bh1, bh2}) {
            CAPTURE(g.name);
            CHECK(marginal_deviation(unip<2>{form}, g.grid).mean < 1e-12);
            CHECK(marginal_deviation(unip<3>{form}, g.grid).mean < 1e-12);
            CHECK(marginal_deviation(unic<1>{form}, g.grid).mean < 1e-12);
            CHECK(marginal_deviation(unic<3>{form}, g.grid).mean < 1e-12);
        }
}

TEST_CASE("UniP has the order in its name, with either form and on either prediction") {
    CHECK(std::abs(measured_order(unip<1>{}) - 1) < 0.3);
    for (const two_node_form form : {bh1, bh2}) {
        CHECK(std::abs(measured_order(unip<2>{form}) - 2) < 0.3);
        CHECK(std::abs(measured_order(unip<3>{form}) - 3) < 0.3);
        CHECK(std::abs(measured_order(unip<2, prediction::noise>{form}) - 2) < 0.3);
        CHECK(std::abs(measured_order(unip<3, prediction::noise>{form}) - 3) < 0.3);
    }
}
