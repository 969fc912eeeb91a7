#include "../../examples/support/slerp.hpp"

#include <cmath>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace {

const std::vector<float> east{2, 0, 0}, north{0, 2, 0};

}  // namespace

TEST_CASE("the way between two vectors of one length stays on their sphere, in equal angles") {
    for (const double u : {0.0, 0.25, 0.5, 1.0}) {
        const std::vector<float> x = examples::slerp(east, north, u);
        const double angle = 0.5 * 3.141592653589793 * u;
        CHECK(double(x[0]) == doctest::Approx(2 * std::cos(angle)).epsilon(1e-6));
        CHECK(double(x[1]) == doctest::Approx(2 * std::sin(angle)).epsilon(1e-6));
        CHECK(x[2] == 0);
    }
}

TEST_CASE("between a vector and itself there is nothing else") {
    for (const float x : examples::slerp(std::vector<float>{3, 3}, std::vector<float>{3, 3}, 0.3))
        CHECK(x == doctest::Approx(3));
}

TEST_CASE("vectors of unequal sizes have nothing between them") {
    CHECK_THROWS_AS(examples::slerp(east, std::vector<float>{1}, 0.5), std::invalid_argument);
}
