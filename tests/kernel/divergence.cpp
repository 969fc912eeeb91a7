#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <vector>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

double density(double x, double mean, double std) {
    const double u = (x - mean) / std;
    return std::exp(-u * u / 2) / (std * std::sqrt(2 * std::numbers::pi));
}

/// The trapezoidal rule over 12 standard deviations to either side, exact to rounding for such
/// integrands.
template <class F>
double expectation(double mean, double std, F&& f) {
    const int n = 4000;
    double sum = 0;
    for (int i = 0; i <= n; ++i) {
        const double x = mean + std * (24.0 * i / n - 12);
        sum += density(x, mean, std) * f(x);
    }
    return sum * 24 * std / n;
}

}  // namespace

TEST_CASE("the KL divergence of two Gaussians is the integral of p log(p/q)") {
    for (const double mean_q : {-1.0, 0.3, 2.0})
        for (const double std_q : {0.5, 1.0, 3.0}) {
            const double mean_p = 0.3, std_p = 0.8;
            const double integral = expectation(mean_p, std_p, [&](double x) {
                return std::log(density(x, mean_p, std_p)) -
                       (-0.5 * (x - mean_q) * (x - mean_q) / (std_q * std_q) - std::log(std_q) -
                        0.5 * std::log(2 * std::numbers::pi));
            });
            CHECK(kl_divergence(mean_p, std_p, mean_q, std_q) == Approx(integral).epsilon(1e-10));
        }
}

TEST_CASE("the KL divergence is zero for equal Gaussians and positive for others") {
    CHECK(kl_divergence(3.0, 2.0, 3.0, 2.0) == 0);
    CHECK(kl_divergence(3.0, 2.0, 3.0, 2.1) > 0);
    CHECK(kl_divergence(3.0, 2.0, 3.1, 2.0) > 0);
}

TEST_CASE("densities integrate to 1, and their mean logarithm is minus the entropy") {
    CHECK(expectation(0, 1, [](double x) {
              return std::exp(log_density(x, 0.2, 0.9)) / density(x, 0, 1);
          }) == Approx(1).epsilon(1e-9));
    CHECK(expectation(1, 2, [](double x) { return log_density(x, 1, 2); }) ==
          Approx(-0.5 * std::log(2 * std::numbers::pi * std::numbers::e * 4)).epsilon(1e-10));
    CHECK(log_density(1.5, 1, 2) == Approx(std::log(density(1.5, 1, 2))).epsilon(1e-14));
}

TEST_CASE("far out in the tail the log-density is still a number") {
    CHECK(log_density(1e5, 0, 1) == Approx(-0.5e10).epsilon(1e-8));
}

TEST_CASE("over a tensor, divergences and log-densities are summed") {
    const std::vector<float> p{0, 1, 2}, q{1, 1, 0};
    CHECK(
        kl_divergence(p, 1.0, q, 2.0) ==
        Approx(kl_divergence(0, 1, 1, 2) + kl_divergence(1, 1, 1, 2) + kl_divergence(2, 1, 0, 2)));
    CHECK(log_density(p, q, 0.5) ==
          Approx(log_density(0, 1, 0.5) + log_density(1, 1, 0.5) + log_density(2, 0, 0.5)));
}

TEST_CASE("standard deviations that are not positive, and unequal sizes, are refused") {
    CHECK_THROWS_WITH_AS(kl_divergence(0, 0, 0, 1),
                         "diffusion::kl_divergence: standard deviations must be positive, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(kl_divergence(0, 1, 0, -1), std::invalid_argument);
    CHECK_THROWS_WITH_AS(log_density(0, 0, 0),
                         "diffusion::log_density: the standard deviation must be positive, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(kl_divergence(std::vector<double>(2), 1, std::vector<double>(3), 1),
                         "diffusion::kl_divergence: the means must have one size, got 3",
                         std::invalid_argument);
    CHECK_THROWS_AS(log_density(std::vector<double>(2), std::vector<double>(3), 1),
                    std::invalid_argument);
}
