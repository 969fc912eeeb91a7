#include "../../examples/support/small_ddpm.hpp"

#include <cmath>

#include <doctest/doctest.h>

TEST_CASE("digits of 8 bits lie on 256 levels and on both ends") {
    const auto set = examples::digits_of_8_bits(1, 10, 16);
    bool ink = false, paper = false;
    for (const float value : set.pixels) {
        const double level = 127.5 * (double(value) + 1);
        CHECK(std::abs(level - std::round(level)) < 1e-4);
        ink = ink || value == 1;
        paper = paper || value == -1;
    }
    CHECK(ink);
    CHECK(paper);
}

TEST_CASE("the linear schedule ends with as much noise in 200 steps as in 1000") {
    const auto few = examples::linear_schedule(200), many = examples::linear_schedule(1000);
    CHECK(many.beta(0) == 1e-4);
    CHECK(few(199).lambda == doctest::Approx(many(999).lambda).epsilon(0.05));
}
