#include <diffusion/kernel/factor.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <limits>
#include <ostream>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/kernel/posterior.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("a Gaussian step times a Gaussian r is their normalised product") {
    const gaussian_kernel<1> p{0.5, {0.25}, 0.4};
    const auto product = multiplied(p, 0.3);
    const double x = 1.5, m = -2, y = 0.7, mean = 0.5 * x + 0.25 * m;
    const double centre = product.a * x + product.b[0] * m + product.b[1] * y;
    // log p + log r - log(product) is the same everywhere: log Z
    const auto log_Z = [&](double at) {
        return log_density(at, mean, 0.4) + log_density(at, y, 0.3) -
               log_density(at, centre, product.c);
    };
    for (const double at : {-1.0, 0.0, 0.4, 2.0}) CHECK(log_Z(at) == Approx(log_Z(0.1)));
    CHECK(log_Z(0) == Approx(log_density(y, mean, std::hypot(0.4, 0.3))));
}

TEST_CASE("an r that is a delta says all, a flat one nothing") {
    const gaussian_kernel<1> p{0.5, {0.25}, 0.4};
    CHECK(multiplied(p, 0) == gaussian_kernel<2>{0, {0, 1}, 0});
    CHECK(multiplied(p, infinity) == gaussian_kernel<2>{0.5, {0.25, 0}, 0.4});
    // the step to clean data is a delta itself: only another delta moves it
    const gaussian_kernel<1> last{0, {1}, 0};
    CHECK(multiplied(last, 0.1) == gaussian_kernel<2>{0, {1, 0}, 0});
    CHECK(multiplied(last, 0) == gaussian_kernel<2>{0, {0, 1}, 0});
}

TEST_CASE("however narrow r is, the product is as narrow") {
    const gaussian_kernel<1> p{0.5, {0.25}, 0.4};
    for (const double std_r : {1e-3, 1e-7, 1e-9, 1e-170}) {
        const auto product = multiplied(p, std_r);
        CHECK(product.c == Approx(std_r).epsilon(1e-5));
        CHECK(product.b[1] == Approx(1).epsilon(1e-5));
    }
    CHECK(multiplied(p, 1e-9).a == Approx(0.5 * 1e-18 / 0.16).epsilon(1e-12));
}

TEST_CASE("for a wide r the perturbed step comes to the product, with an error of second order") {
    const gaussian_kernel<0> p{1, {}, 0.4};
    const double x = 0.2, y = 3;
    double before = 0;
    for (const double std_r : {4.0, 8.0, 16.0}) {
        const auto exact = multiplied(p, std_r);
        const auto first = perturbed(p);
        const double gradient = (y - x) / (std_r * std_r);  // of log r at the mean
        const double error =
            std::abs(exact.a * x + exact.b[0] * y - (first.a * x + first.b[0] * gradient));
        if (before > 0) CHECK(before / error == Approx(16).epsilon(0.05));  // 1/std_r^4
        before = error;
        CHECK(first.c == p.c);
    }
    CHECK(perturbed(p, 0.5).b[0] == Approx(0.5 * 0.16));
}

TEST_CASE("r enters at once, or from nothing at x_T to all of it at x_0") {
    for (const std::size_t t : {0U, 3U, 10U})
        CHECK(factor_power(factor_schedule::constant, t, 10) == 1);
    CHECK(factor_power(factor_schedule::annealed, 10, 10) == 0);
    CHECK(factor_power(factor_schedule::annealed, 3, 10) == Approx(0.7));
    CHECK(factor_power(factor_schedule::annealed, 0, 10) == 1);
}

TEST_CASE("negative deviations, and more steps left than there are, are refused") {
    CHECK(support::is_complete(support::refusal([] {
                                   multiplied(gaussian_kernel<0>{1, {}, 1}, -0.1);
                               }),
                               -0.1));
    CHECK(support::is_complete(
        support::refusal([] { factor_power(factor_schedule::annealed, 11, 10); }), 11));
}
