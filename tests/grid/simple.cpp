#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/simple.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

TEST_CASE("simple times count down from T - 1 in steps of T/n, rounded up") {
    CHECK(simple_times(1000, 4) == std::vector<double>{999, 749, 499, 249});
    CHECK(simple_times(10, 3) == std::vector<double>{9, 6, 3});
    CHECK(simple_times(10, 4) == std::vector<double>{9, 7, 4, 2});
    CHECK(simple_times(1000, 1) == std::vector<double>{999});
}

TEST_CASE("the last of the sgm_uniform steps is as long as the others") {
    CHECK(sgm_uniform_times(1000, 4) == std::vector<double>{999, 749.25, 499.5, 249.75});
    CHECK(sgm_uniform_times(1000, 1) == std::vector<double>{999});
}

TEST_CASE("for every n in 1 .. T both have exactly n times that fall strictly and not below 0") {
    for (std::size_t T = 2; T <= 60; ++T)
        for (std::size_t n = 1; n <= T; ++n)
            for (const auto& times : {simple_times(T, n), sgm_uniform_times(T, n)}) {
                REQUIRE(times.size() == n);
                CHECK(times.front() == static_cast<double>(T - 1));
                CHECK(times.back() >= 0);
                for (std::size_t i = 1; i < n; ++i) CHECK(times[i] < times[i - 1]);
            }
}

TEST_CASE("simple spacing is trailing spacing where n divides T, else at most one time later") {
    CHECK(simple_times(1000, 50) == trailing_times(1000, 50));
    for (std::size_t n = 1; n <= 100; ++n) {
        const auto simple = simple_times(100, n), trailing = trailing_times(100, n);
        for (std::size_t i = 0; i < n; ++i) {
            CHECK(simple[i] >= trailing[i]);
            CHECK(simple[i] <= trailing[i] + 1);
        }
    }
}

TEST_CASE("between its integers an sgm_uniform grid has lambda interpolated") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    const time_grid grid = make_grid(schedule, sgm_uniform_times(1000, 4));
    REQUIRE(grid.size() == 5);
    CHECK(grid[1].lambda ==
          doctest::Approx(0.75 * schedule(749).lambda + 0.25 * schedule(750).lambda));
}

TEST_CASE("no times, and more than there are, are refused") {
    CHECK_THROWS_WITH_AS(simple_times(10, 11),
                         "diffusion::simple_times: the number of steps must lie in 1 .. T, got 11",
                         std::invalid_argument);
    CHECK_THROWS_AS(simple_times(10, 0), std::invalid_argument);
    CHECK_THROWS_AS(sgm_uniform_times(10, 0), std::invalid_argument);
    CHECK_THROWS_AS(sgm_uniform_times(10, 11), std::invalid_argument);
    CHECK_THROWS_AS(sgm_uniform_times(1, 1), std::invalid_argument);
}
