#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "rule/order.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;

namespace {

const support::gaussian_toy toy;

/// Error of the variance after all steps of a plan of data kernels on Gaussian data, without any
/// randomness: as the denoiser is linear, D(x) = p + q x, the moments of (x, past predictions) obey
/// a linear recursion, v <- A v + shift + c z.
template <class Plan>
std::array<double, 2> moment_errors(const Plan& plan) {
    constexpr std::size_t K = Plan::terms;  // v = (x, m_1 .. m_{K-1}); m_0 is p + q x
    const time_grid& grid = plan.grid();
    std::array<double, K> mean{};
    std::array<std::array<double, K>, K> cov{};
    mean[0] = toy.mean_at(grid[0]);
    cov[0][0] = toy.std_at(grid[0]) * toy.std_at(grid[0]);
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const auto& kernel = plan.kernel(i);
        const double p = toy.data(0, grid[i]), q = toy.data(1, grid[i]) - p;
        std::array<std::array<double, K>, K> A{};
        std::array<double, K> shift{};
        A[0][0] = kernel.a + kernel.b[0] * q;
        shift[0] = kernel.b[0] * p;
        for (std::size_t k = 1; k < K; ++k) {
            A[0][k] = kernel.b[k];
            A[k][k - 1] = k == 1 ? q : 1;
        }
        if (K > 1) shift[1] = p;
        std::array<double, K> new_mean = shift;
        std::array<std::array<double, K>, K> new_cov{};
        new_cov[0][0] = kernel.c * kernel.c;
        for (std::size_t j = 0; j < K; ++j)
            for (std::size_t k = 0; k < K; ++k) {
                new_mean[j] += A[j][k] * mean[k];
                for (std::size_t l = 0; l < K; ++l)
                    for (std::size_t m = 0; m < K; ++m)
                        new_cov[j][k] += A[j][l] * cov[l][m] * A[k][m];
            }
        mean = new_mean;
        cov = new_cov;
    }
    return {std::abs(mean[0] - toy.mean_at(grid.back())),
            std::abs(cov[0][0] - toy.std_at(grid.back()) * toy.std_at(grid.back()))};
}

template <std::size_t P, std::size_t C>
std::array<double, 2> errors_of(double tau, std::size_t n) {
    const time_grid grid = uniform_lambda(vp_linear{}, n, 0.8, 0.1, grid_end::last_time);
    return moment_errors(sa_solver<P, C>(grid, constant_tau{tau}, last_steps::full_order));
}

template <std::size_t P, std::size_t C>
double variance_order(double tau, std::size_t n = 128) {
    return std::log2(errors_of<P, C>(tau, n)[1] / errors_of<P, C>(tau, 2 * n)[1]);
}

}  // namespace

TEST_CASE("without noise SA-Solver has the order of its corrector") {
    const auto order = [](auto make) { return measured_order_of(make); };
    const constant_tau none{0};
    const last_steps full = last_steps::full_order;
    CHECK(std::abs(order([=](const time_grid& g) { return sa_solver<1, 2>(g, none, full); }) - 2) <
          0.3);
    CHECK(std::abs(order([=](const time_grid& g) { return sa_solver<2, 2>(g, none, full); }) - 2) <
          0.3);
    CHECK(std::abs(order([=](const time_grid& g) { return sa_solver<2, 3>(g, none, full); }) - 3) <
          0.3);
    CHECK(std::abs(order([=](const time_grid& g) { return sa_solver<3, 4>(g, none, full); }) - 4) <
          0.3);
}

TEST_CASE("with noise SA-Solver converges in distribution with order 2, on single predictions 1") {
    for (const double tau : {0.5, 1.0}) {
        CAPTURE(tau);
        CHECK(std::abs(variance_order<1, 1>(tau, 256) - 1) < 0.3);
        CHECK(std::abs(variance_order<1, 2>(tau, 256) - 2) < 0.3);
        CHECK(std::abs(variance_order<2, 2>(tau, 256) - 2) < 0.3);
        CHECK(std::abs(variance_order<3, 3>(tau, 512) - 2) < 0.3);
        CHECK(std::abs(variance_order<3, 4>(tau, 512) - 2) < 0.3);
    }
}

TEST_CASE("a run with noise ends with the moments of the data") {
    const std::size_t count = 20000;
    std::vector<double> x(count);
    const auto plan = sa_solver<3, 3>(uniform_lambda(vp_linear{}, 40, 1, 1e-3));
    draw_prior(x, plan.grid().front(), gaussian_noise{3});
    sample(x, plan, toy, gaussian_noise{3});
    double mean = 0, variance = 0;
    for (const double e : x) mean += e / count;
    for (const double e : x) variance += (e - mean) * (e - mean) / count;
    CHECK(std::abs(mean - toy.mean) < 0.015);               // 4 standard errors
    CHECK(std::abs(variance - toy.std * toy.std) < 0.015);  // 6
}
