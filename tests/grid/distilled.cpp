#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/distilled.hpp>

using namespace diffusion;

TEST_CASE(
    "LCM's times are n different ones of those at distillation, and begin with the noisiest") {
    for (const std::size_t original : {1u, 7u, 50u, 100u, 1000u})
        for (std::size_t n = 1; n <= original; n += original > 100 ? 37 : 1) {
            const std::vector<double> times = lcm_times(1000, n, original);
            REQUIRE(times.size() == n);
            const std::size_t stride = 1000 / original;
            CHECK(times[0] == static_cast<double>(original * stride - 1));
            for (std::size_t i = 0; i < n; ++i) {
                if (i > 0) CHECK(times[i] < times[i - 1]);
                CHECK(std::fmod(times[i] + 1, static_cast<double>(stride)) == 0);
                CHECK(times[i] >= static_cast<double>(stride - 1));
            }
        }
}

TEST_CASE("the usual four steps of a latent consistency model") {
    CHECK(lcm_times(1000, 4) == std::vector<double>{999, 759, 499, 259});
    CHECK(lcm_times(1000, 4, 50, 0.6) == std::vector<double>{599, 459, 299, 159});
}

TEST_CASE("more steps than times at distillation, and other nonsense, are refused") {
    CHECK_THROWS_WITH_AS(lcm_times(1000, 51),
                         "diffusion::lcm_times: the number of steps must lie in 1 .. "
                         "floor(strength original), got 51",
                         std::invalid_argument);
    CHECK_THROWS_AS(lcm_times(1000, 0), std::invalid_argument);
    CHECK_THROWS_AS(lcm_times(1000, 31, 50, 0.6), std::invalid_argument);
    CHECK_THROWS_AS(lcm_times(1000, 1, 1001), std::invalid_argument);
    CHECK_THROWS_AS(lcm_times(1000, 1, 0), std::invalid_argument);
    for (const double strength : {0.0, -0.5, 1.1, 0.001, double(NAN)})
        CHECK_THROWS_AS(lcm_times(1000, 1, 50, strength), std::invalid_argument);
}

TEST_CASE("a consistency model's levels are every k-th of those at training") {
    const std::vector<double> ladder = karras_sigmas(40, {0.002, 80});
    CHECK(consistency_sigmas(40, 40) == ladder);
    CHECK(consistency_sigmas(40, 1) == std::vector<double>{80});
    CHECK(consistency_sigmas(40, 2) == std::vector<double>{80, ladder[20]});
    CHECK(consistency_sigmas(40, 3) == std::vector<double>{80, ladder[13], ladder[26]});
    CHECK_THROWS_AS(consistency_sigmas(40, 0), std::invalid_argument);
    CHECK_THROWS_AS(consistency_sigmas(40, 41), std::invalid_argument);
    CHECK_THROWS_AS(consistency_sigmas(40, 2, {0, 80}), std::invalid_argument);
}
