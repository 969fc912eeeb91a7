#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/lms.hpp>

#include "rule/invariants.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

TEST_CASE("the 16 points of Gauss and Legendre integrate polynomials up to degree 31") {
    for (int degree = 0; degree <= 31; ++degree)
        CHECK(detail::gauss_legendre([=](double u) { return std::pow(u, degree); }) ==
              Approx(1. / (degree + 1)).epsilon(1e-14));
}

TEST_CASE("DEIS in log rho weighs the two latest predictions as its authors' integral says") {
    // int (log rho - log rho_u)/(log rho_t - log rho_u) drho, primitive rho (log rho - log c - 1)
    const time_grid grid = uniform_time(vp_linear{}, 12);
    for (std::size_t i = 1; i + 2 < grid.size(); ++i) {
        const auto rho = [&](std::size_t k) { return grid[k].sigma / grid[k].alpha; };
        const auto weight = [&](double other, double own) {
            const auto primitive = [&](double r) { return r * (std::log(r / other) - 1); };
            return (primitive(rho(i + 1)) - primitive(rho(i))) / std::log(own / other);
        };
        const auto kernel = kernel_of(deis<2>{}, grid, i);
        const double alpha_s = grid[i + 1].alpha;
        CHECK(kernel.b[0] == Approx(alpha_s * weight(rho(i - 1), rho(i))).epsilon(1e-11));
        CHECK(kernel.b[1] == Approx(alpha_s * weight(rho(i), rho(i - 1))).epsilon(1e-11));
    }
}

TEST_CASE("DEIS in t is exact on constant noise") {
    const vp_linear schedule;
    for (const std::size_t n : {4u, 25u}) {
        const time_grid grid = uniform_time(schedule, n);
        CHECK(constant_noise_deviation(deis_in_time<2, vp_linear>{schedule}, grid) < 1e-12);
        CHECK(constant_noise_deviation(deis_in_time<3, vp_linear>{schedule}, grid) < 1e-12);
        CHECK(constant_noise_deviation(deis_in_time<4, vp_linear>{schedule}, grid) < 1e-12);
    }
}

TEST_CASE("DEIS in t weighs with the integrals of l_j(t) drho, here by Simpson's rule") {
    const vp_linear schedule;
    const time_grid grid = uniform_time(schedule, 12);
    for (std::size_t i = 2; i + 2 < grid.size(); ++i) {
        const auto kernel = kernel_of(deis_in_time<3, vp_linear>{schedule}, grid, i);
        for (std::size_t j = 0; j < 3; ++j) {
            const auto basis = [&](double t) {
                double value = 1;
                for (std::size_t k = 0; k < 3; ++k)
                    if (k != j) value *= (t - grid[i - k].t) / (grid[i - j].t - grid[i - k].t);
                return value;
            };
            const auto rho = [&](double t) { return noise_to_signal(schedule(t)); };
            double sum =
                0;  // a Riemann-Stieltjes sum with midpoints: l_j at the middle, times drho
            const int parts = 4000;
            for (int p = 0; p < parts; ++p) {
                const double width = (grid[i + 1].t - grid[i].t) / parts, t = grid[i].t + p * width;
                sum += basis(t + width / 2) * (rho(t + width) - rho(t));
            }
            CHECK(kernel.b[j] == Approx(grid[i + 1].alpha * sum).epsilon(1e-6));
        }
    }
}

TEST_CASE("where t is sigma, DEIS in t is LMS") {
    const time_grid grid = uniform_lambda(edm_schedule{}, 12, 80, 0.002, grid_end::last_time);
    for (std::size_t i = 0; i < 12; ++i)
        CHECK(difference(kernel_of(deis_in_time<3, edm_schedule>{edm_schedule{}}, grid, i),
                         kernel_of(lms<3>{}, grid, i)) < 1e-11);
}

TEST_CASE("DEIS has the order of its number of nodes, in log rho and in t") {
    CHECK(std::abs(measured_order(deis<1>{}) - 1) < 0.3);
    CHECK(std::abs(measured_order(deis<2>{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(deis<3>{}) - 3) < 0.3);
    CHECK(std::abs(measured_order(deis_in_time<1, vp_linear>{}, 128, equal_time{}) - 1) < 0.3);
    CHECK(std::abs(measured_order(deis_in_time<2, vp_linear>{}, 128, equal_time{}) - 2) < 0.3);
    CHECK(std::abs(measured_order(deis_in_time<3, vp_linear>{}, 128, equal_time{}) - 3) < 0.3);
    CHECK(std::abs(measured_order(deis_in_time<4, vp_linear>{}, 128, equal_time{}) - 4) < 0.3);
}

TEST_CASE("DEIS in t refuses a grid of another schedule") {
    const time_grid grid = uniform_time(vp_cosine{}, 12);
    CHECK_THROWS_AS((kernel_of(deis_in_time<2, vp_linear>{}, grid, 3)), std::invalid_argument);
}
