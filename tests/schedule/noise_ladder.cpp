#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/noise_ladder.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

static_assert(discrete_noise_schedule<noise_ladder>);

TEST_CASE("the levels of a ladder are those of the list, and times count from the cleanest") {
    const noise_ladder ladder({8, 3, 0.5});
    CHECK(ladder.size() == 3);
    CHECK(ladder.t_max() == 2);
    CHECK(ladder(0) == variance_exploding_level(0.5));
    CHECK(ladder(1) == variance_exploding_level(3));
    CHECK(ladder(2) == variance_exploding_level(8));
    CHECK(ladder(1.5).sigma == Approx(std::sqrt(24.0)).epsilon(1e-14));  // lambda is linear
    CHECK(ladder(1.5).lambda == Approx(-0.5 * std::log(24.0)).epsilon(1e-14));
}

TEST_CASE("its grid visits the levels in the order of the list, and then clean data") {
    const noise_ladder ladder(exponential_sigmas(10, {0.01, 1}));
    const time_grid grid = all_steps(ladder);
    REQUIRE(grid.size() == 11);
    for (std::size_t i = 0; i < 10; ++i) CHECK(grid[i].sigma == ladder.sigmas()[i]);
    CHECK(grid[10].sigma == 0);
    CHECK(grid_of_sigmas(ladder, ladder.sigmas()).size() == 11);
}

TEST_CASE("a geometric ladder is the continuous schedule at equal times") {
    const ve_geometric continuous{0.02, 20};
    const noise_ladder ladder(exponential_sigmas(30, {0.02, 20}));
    for (double t = 0; t <= 29; t += 0.25)
        CHECK(ladder(t).sigma == Approx(continuous(t / 29).sigma).epsilon(1e-12));
}

TEST_CASE("a ladder that does not go down, and a time beside it, are refused") {
    const double none = std::numeric_limits<double>::quiet_NaN();
    const auto refused = [](std::vector<double> sigmas) {
        return refusal([&] { noise_ladder{sigmas}; });
    };
    CHECK(is_complete(refused({}), 0));
    CHECK(is_complete(refused({1, 1}), 1.0));
    CHECK(is_complete(refused({1, 2}), 2.0));
    CHECK(is_complete(refused({1, 0}), 0.0));
    CHECK(is_complete(refused({HUGE_VAL, 1}), HUGE_VAL));
    CHECK(is_complete(refused({none}), none));
    for (const double t : {-0.1, 1.1, none})
        CHECK(is_complete(refusal([&] { noise_ladder({2, 1})(t); }), t));
}
