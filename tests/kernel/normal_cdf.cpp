#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <diffusion/kernel/normal_cdf.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("the logarithm of the distribution function has all digits in both tails") {
    CHECK(log_normal_cdf(0) == Approx(-0.69314718055994531).epsilon(1e-15));
    CHECK(log_normal_cdf(-1.5) == Approx(std::log(0.066807201268858)).epsilon(1e-13));
    CHECK(log_normal_cdf(-10) == Approx(std::log(7.61985302416052e-24)).epsilon(1e-14));
    CHECK(log_normal_cdf(8) == Approx(-6.22096057427178e-16).epsilon(1e-13));
}

TEST_CASE("and where erfc underflows it goes on without a seam") {
    const double above = log_normal_cdf(-30 + 1e-9), below = log_normal_cdf(-30 - 1e-9);
    CHECK(above - below == Approx(2e-9 * 30.033).epsilon(1e-3));  // the slope is phi/Phi
    for (const double z : {-31.0, -100.0, -1e4}) {
        const double h = 1e-4, slope = (log_normal_cdf(z + h) - log_normal_cdf(z - h)) / (2 * h);
        const double inverse_mills = std::exp(log_normal_pdf(z) - log_normal_cdf(z));
        CHECK(slope == Approx(inverse_mills).epsilon(1e-5));
        CHECK(inverse_mills > -z);
        CHECK(inverse_mills < -z - 1 / z);
    }
    CHECK(std::isinf(log_normal_cdf(-std::numeric_limits<double>::infinity())));
}

TEST_CASE("an interval has the same probability on either side, and halves sum to the whole") {
    const double infinity = std::numeric_limits<double>::infinity();
    for (const double a : {-40.0, -9.0, -0.3, 0.2, 7.0, 50.0}) {
        const double b = a + 0.4;
        CHECK(log_normal_interval(a, b) == Approx(log_normal_interval(-b, -a)).epsilon(1e-14));
        const double left = log_normal_interval(a, a + 0.2),
                     right = log_normal_interval(a + 0.2, b);
        const double largest = std::max(left, right);
        CHECK(log_normal_interval(a, b) ==
              Approx(largest + std::log(std::exp(left - largest) + std::exp(right - largest)))
                  .epsilon(1e-13));
        CHECK(log_normal_interval(-infinity, b) == Approx(log_normal_cdf(b)).epsilon(1e-13));
    }
}

TEST_CASE("a narrow interval has the density times its width") {
    for (const double z : {-35.0, -3.0, 0.0, 3.0, 35.0})
        CHECK(log_normal_interval(z - 1e-6, z + 1e-6) ==
              Approx(log_normal_pdf(z) + std::log(2e-6)).epsilon(1e-7));
}
