#include <doctest/doctest.h>
#include <diffusion/nn/normal_distribution.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace detail = diffusion::nn::detail;

TEST_CASE_TEMPLATE(
    "the normal distribution of vectors is within a few units in the last place, far out as well",
    T, float, double) {
    const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
    const double end = std::is_same_v<T, float> ? 13.1 : 37.5;  // then it is not normal any more
    double phi = 0, density = 0, both = 0;
    for (int i = -30000; i <= 30000; ++i) {
        const T x = static_cast<T>(end * i / 30000);
        const long double z = static_cast<long double>(x);
        const long double exact = std::erfc(-z / std::sqrt(2.0L)) / 2;
        const auto at = detail::normal_at<T>(detail::vec<T>{} + x);
        const auto below = detail::normal_at<T>(detail::vec<T>{} - x);
        const long double bell = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0L));
        phi = support::worse(phi, static_cast<double>(std::abs(at.phi[0] / exact - 1)));
        density = support::worse(density, static_cast<double>(std::abs(at.density[0] / bell - 1)));
        both = support::worse(both, std::abs(static_cast<double>(at.phi[0] + below.phi[0]) - 1));
    }
    CHECK(phi < 5 * epsilon);
    CHECK(density < 2 * epsilon);
    CHECK(both <= epsilon);
}

TEST_CASE("the normal distribution is 0 and 1 at the ends, and NaN where x is") {
    using vec = detail::vec<float>;
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (float x : {40.0F, 1e30F, infinity}) {
        CHECK(detail::normal_at<float>(vec{} + x).phi[0] == 1);
        CHECK(detail::normal_at<float>(vec{} - x).phi[0] == 0);
        CHECK(detail::normal_at<float>(vec{} + x).density[0] == 0);
    }
    CHECK(detail::normal_at<float>(vec{}).phi[0] == doctest::Approx(0.5));
    CHECK(std::isnan(detail::normal_at<float>(vec{} + std::nanf("")).phi[0]));
}
