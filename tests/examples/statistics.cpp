#include "../../examples/support/statistics.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/random/fill.hpp>

using examples::ks_distance;

TEST_CASE("mean, standard deviation and correlation of a straight line are known") {
    const std::vector<double> x{1, 2, 3, 4}, y{5, 3, 1, -1};
    CHECK(examples::mean(x) == doctest::Approx(2.5));
    CHECK(examples::standard_deviation(x) == doctest::Approx(std::sqrt(1.25)));
    CHECK(examples::correlation(x, x) == doctest::Approx(1));
    CHECK(examples::correlation(x, y) == doctest::Approx(-1));
}

TEST_CASE("the KS distance is the largest gap between two staircases") {
    CHECK(ks_distance({1, 2, 3}, {1, 2, 3}) == 0);
    CHECK(ks_distance({1, 2}, {3, 4}) == 1);
    CHECK(ks_distance({1, 3}, {2, 4}) == doctest::Approx(0.5));
    CHECK(ks_distance({1, 1, 1, 2}, {1, 2, 2, 2}) == doctest::Approx(0.5));
    CHECK(ks_distance({0}, {0, 1, 2, 3}) == doctest::Approx(0.75));
    CHECK_THROWS_AS(ks_distance({}, {1}), std::invalid_argument);
}

TEST_CASE("samples of one distribution stay below the limit and shifted ones do not") {
    int above = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        std::vector<double> a(500), b(700);
        diffusion::fill_normal<double>(a, seed, {});
        diffusion::fill_normal<double>(b, seed + 1000, {});
        above += ks_distance(a, b) > examples::ks_limit(a.size(), b.size());
        for (double& value : b) value += 0.4;
        CHECK(ks_distance(a, b) > examples::ks_limit(a.size(), b.size()));
    }
    CHECK(above <= 2);  // one in a thousand is expected
}
