#include <diffusion/detail/normal_quantile.hpp>

#include <cmath>
#include <numbers>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

using diffusion::detail::normal_quantile;
using doctest::Approx;

TEST_CASE("the quantile of the normal distribution undoes its distribution function") {
    for (double z = -8; z <= 5; z += 0.25) {
        const double p = 0.5 * std::erfc(-z / std::numbers::sqrt2);
        // p has so many digits, and no more
        const double slack = 4e-16 * p * std::sqrt(2 * std::numbers::pi) * std::exp(0.5 * z * z);
        CHECK(std::abs(normal_quantile(p) - z) <= 4e-15 + slack);
    }
    CHECK(normal_quantile(0.975) == Approx(1.959963984540054).epsilon(1e-15));
    CHECK(normal_quantile(1e-300) == Approx(-37.0470962993612).epsilon(1e-14));
    CHECK(normal_quantile(0.25) == -normal_quantile(0.75));
    CHECK(std::abs(normal_quantile(0.5)) < 1e-15);
}

TEST_CASE("there is no quantile of 0, of 1, or of no probability") {
    for (const double p : {0.0, 1.0, -0.5, std::nan("")})
        CHECK(support::is_complete(support::refusal([&] { normal_quantile(p); }), p));
}
