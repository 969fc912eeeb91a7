#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include <diffusion/schedule/noise_level.hpp>

#include "support/archetypes.hpp"

using namespace diffusion;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

TEST_CASE("a noise schedule is a callable on an interval of times") {
    static_assert(noise_schedule<support::minimal_schedule>);
    static_assert(noise_schedule<support::minimal_discrete_schedule>);
    static_assert(discrete_noise_schedule<support::minimal_discrete_schedule>);
    static_assert(!discrete_noise_schedule<support::minimal_schedule>);
    static_assert(!noise_schedule<support::schedule_without_interval>);
    static_assert(!noise_schedule<support::schedule_of_pairs>);
    static_assert(!noise_schedule<support::schedule_that_changes>);
    static_assert(!noise_schedule<noise_level (*)(double)>);
}

TEST_CASE("variance preserving means alpha^2 + sigma^2 = 1, from one end to the other") {
    for (const double log_alpha : {-1e-300, -1e-20, -1e-8, -0.1, -1.0, -10.0, -300.0}) {
        CAPTURE(log_alpha);
        const noise_level level = variance_preserving(log_alpha);
        CHECK(level.alpha * level.alpha + level.sigma * level.sigma ==
              doctest::Approx(1).epsilon(1e-15));
        CHECK(level.alpha == std::exp(log_alpha));
        CHECK(std::isfinite(level.lambda));
    }
    // sigma keeps its digits where 1 - alpha^2 has lost all of them
    CHECK(variance_preserving(-0.5e-20).sigma == doctest::Approx(1e-10).epsilon(1e-15));
    CHECK(variance_preserving(-0.5e-20).lambda ==
          doctest::Approx(10 * std::log(10)).epsilon(1e-15));
}

TEST_CASE("clean data and pure noise are noise levels too") {
    CHECK(variance_preserving(0) == clean_data);
    CHECK_FALSE(std::signbit(variance_preserving(0).sigma));
    CHECK(variance_preserving(-infinity) == noise_level{0, 1, -infinity});
    CHECK(from_alpha_bar(1) == clean_data);
    CHECK(from_alpha_bar(0) == noise_level{0, 1, -infinity});
    CHECK(variance_exploding_level(0) == clean_data);
}

TEST_CASE("DDPM's alpha-bar is alpha squared") {
    const noise_level level = from_alpha_bar(0.36);
    CHECK(level.alpha == doctest::Approx(0.6).epsilon(1e-15));
    CHECK(level.sigma == doctest::Approx(0.8).epsilon(1e-15));
    CHECK(level.lambda == doctest::Approx(std::log(0.75)).epsilon(1e-15));
}

TEST_CASE("noise to signal is sigma over alpha, which is exp(-lambda)") {
    const noise_level level = from_alpha_bar(0.36);
    CHECK(noise_to_signal(level) == doctest::Approx(4.0 / 3).epsilon(1e-15));
    CHECK(noise_to_signal(level) == doctest::Approx(std::exp(-level.lambda)).epsilon(1e-15));
    CHECK(noise_to_signal(variance_exploding_level(7)) == 7);
}

TEST_CASE("levels that cannot be are refused by name and value") {
    CHECK_THROWS_WITH_AS(variance_preserving(0.5),
                         "diffusion::variance_preserving: log(alpha) must not exceed 0, got 0.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(variance_preserving(NAN), std::invalid_argument);
    CHECK_THROWS_WITH_AS(from_alpha_bar(1.5),
                         "diffusion::from_alpha_bar: alpha-bar must lie in [0, 1], got 1.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(from_alpha_bar(-0.1), std::invalid_argument);
    CHECK_THROWS_AS(from_alpha_bar(NAN), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        variance_exploding_level(-1),
        "diffusion::variance_exploding_level: sigma must be finite and not negative, got -1",
        std::invalid_argument);
    CHECK_THROWS_AS(variance_exploding_level(infinity), std::invalid_argument);
}

TEST_CASE("a noise level can be printed and compared") {
    std::ostringstream text;
    text << clean_data;
    CHECK(text.str() == "alpha 1, sigma 0, lambda inf");
    CHECK(clean_data != from_alpha_bar(0.5));
}
