#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <diffusion/schedule/discrete.hpp>

#include "schedule/levels.hpp"

using namespace diffusion;

namespace {

template <class Beta>
void check_against_table(std::string_view name) {
    int rows = 0;
    for (const exact_level& exact : exact_levels) {
        if (exact.schedule != name) continue;
        const discrete_schedule schedule(Beta{}, static_cast<std::size_t>(exact.T));
        CAPTURE(exact.T);
        CAPTURE(exact.t);
        CHECK(relative_error(schedule(exact.t), exact) < 1e-12);
        ++rows;
    }
    CHECK(rows == 26);
}

}  // namespace

TEST_CASE(
    "alpha, sigma and lambda of DDPM's schedules keep 12 digits from the first to the last step") {
    check_against_table<linear_beta>("linear");
    check_against_table<scaled_linear_beta>("scaled_linear");
    check_against_table<cosine_beta>("cosine");
    check_against_table<sigmoid_beta>("sigmoid");
}

TEST_CASE("a thousand betas of 1e-12 are not lost in rounding") {
    const discrete_schedule schedule([](std::size_t, std::size_t) { return 1e-12; }, 1000);
    for (const double t : {0.0, 9.0, 999.0}) {
        const double log_alpha_bar = (t + 1) * std::log1p(-1e-12);
        CHECK(relative_error(schedule(t).sigma, std::sqrt(-std::expm1(log_alpha_bar))) < 1e-14);
    }
}

TEST_CASE("by default a discrete schedule is that of Ho et al.: T = 1000, beta from 1e-4 to 0.02") {
    const discrete_schedule<> schedule;
    CHECK(schedule.size() == 1000);
    CHECK(schedule.t_min() == 0);
    CHECK(schedule.t_max() == 999);
    CHECK(schedule.beta(0) == 1e-4);
    CHECK(schedule.alpha_bar(0) == doctest::Approx(1 - 1e-4).epsilon(1e-15));
    double product = 1;
    for (std::size_t t = 0; t < 1000; ++t) product *= 1 - schedule.beta(t);
    CHECK(schedule.alpha_bar(999) == doctest::Approx(product).epsilon(1e-12));
    CHECK_THROWS_AS(schedule.beta(1000), std::out_of_range);
    CHECK_THROWS_AS(schedule.alpha_bar(1000), std::out_of_range);
}

TEST_CASE("a lambda or a table of numbers makes a schedule") {
    const discrete_schedule constant([](std::size_t, std::size_t) { return 0.5; }, 3);
    CHECK(constant.alpha_bar(2) == doctest::Approx(0.125).epsilon(1e-15));
    const auto table = discrete_schedule_of({0.5, 0.75});
    CHECK(table.size() == 2);
    CHECK(table.alpha_bar(1) == doctest::Approx(0.125).epsilon(1e-15));
    CHECK(table(1) == constant(2));
}

TEST_CASE("between two integer times lambda is interpolated and variance is preserved") {
    const discrete_schedule schedule(cosine_beta{}, 100);
    for (std::size_t t = 0; t + 1 < 100; ++t) {
        const noise_level noisy = schedule(static_cast<double>(t + 1)),
                          clean = schedule(static_cast<double>(t));
        for (const double part : {1e-9, 0.25, 0.5, 0.99}) {
            CAPTURE(t);
            CAPTURE(part);
            const noise_level between = schedule(static_cast<double>(t) + part);
            const double lambda = (1 - part) * clean.lambda + part * noisy.lambda;
            CHECK(std::abs(between.lambda - lambda) < 1e-6 * part + 1e-13);
            CHECK(between.alpha * between.alpha + between.sigma * between.sigma ==
                  doctest::Approx(1).epsilon(1e-14));
            CHECK(std::abs(std::log(between.alpha / between.sigma) - between.lambda) < 1e-12);
            CHECK(between.lambda < clean.lambda);
            CHECK(between.lambda > noisy.lambda);
        }
    }
}

TEST_CASE("lambda falls strictly from each time to the next") {
    const auto falls = [](const auto& schedule) {
        double before = std::numeric_limits<double>::infinity();
        for (std::size_t t = 0; t < schedule.size(); ++t) {
            const double lambda = schedule(static_cast<double>(t)).lambda;
            if (!(lambda < before)) return false;
            before = lambda;
        }
        return true;
    };
    for (const std::size_t T : {1U, 2U, 10U, 1000U, 4000U}) {
        CAPTURE(T);
        CHECK(falls(discrete_schedule(linear_beta{}, T)));
        CHECK(falls(discrete_schedule(scaled_linear_beta{}, T)));
        CHECK(falls(discrete_schedule(cosine_beta{}, T)));
        CHECK(falls(discrete_schedule(sigmoid_beta{}, T)));
    }
}

TEST_CASE("a last beta of 1 leaves no signal: zero terminal signal-to-noise ratio") {
    const auto schedule = discrete_schedule_of({0.1, 0.5, 1});
    CHECK(schedule(2) == noise_level{0, 1, -std::numeric_limits<double>::infinity()});
    CHECK(schedule.alpha_bar(2) == 0);
    CHECK(schedule.alpha_bar(1) == doctest::Approx(0.45).epsilon(1e-15));
}

TEST_CASE("betas that cannot be are refused by name and value") {
    CHECK_THROWS_WITH_AS(discrete_schedule(linear_beta{}, 0),
                         "diffusion::discrete_schedule: T must be at least 1, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(discrete_schedule_of({}),
                         "diffusion::discrete_schedule: T must be at least 1, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(discrete_schedule_of({0.1, -0.25}),
                         "diffusion::discrete_schedule: every beta must lie in (0, 1), and only "
                         "the last may be 1, got -0.25",
                         std::invalid_argument);
    CHECK_THROWS_AS(discrete_schedule_of({0}), std::invalid_argument);
    CHECK_THROWS_AS(discrete_schedule_of({0.1, 1, 0.1}), std::invalid_argument);
    CHECK_THROWS_AS(discrete_schedule_of({1.5}), std::invalid_argument);
    CHECK_THROWS_AS(discrete_schedule_of({NAN}), std::invalid_argument);
}

TEST_CASE("a time outside 0 .. T-1 is refused by name and value") {
    const discrete_schedule<> schedule;
    CHECK_THROWS_WITH_AS(schedule(1000),
                         "diffusion::discrete_schedule: t must lie in [0, T-1], got 1000",
                         std::invalid_argument);
    CHECK_THROWS_AS(schedule(-1), std::invalid_argument);
    CHECK_THROWS_AS(schedule(999.5), std::invalid_argument);
    CHECK_THROWS_AS(schedule(NAN), std::invalid_argument);
    CHECK_THROWS_AS(schedule(INFINITY), std::invalid_argument);
}
