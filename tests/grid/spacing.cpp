#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;
using times = std::vector<double>;

namespace {

/// n + 1 nodes, t falls strictly, lambda rises strictly, the last is clean data; "" if all is well.
std::string fault(const time_grid& grid, std::size_t n) {
    if (grid.size() != n + 1) return "number of nodes";
    for (std::size_t i = 0; i < n; ++i) {
        if (!(grid[i + 1].t < grid[i].t)) return "t does not fall strictly";
        if (!(grid[i + 1].lambda > grid[i].lambda)) return "lambda does not rise strictly";
        if (grid[i].t != std::floor(grid[i].t)) return "t is not a time of the schedule";
    }
    if (grid.back() != node{-1, 1, 0, std::numeric_limits<double>::infinity()})
        return "the last node is not clean data";
    return "";
}

}  // namespace

TEST_CASE("every spacing gives exactly n evaluations, for every n from 1 to T") {
    for (const std::size_t T : {1U, 2U, 7U, 100U, 1000U}) {
        const discrete_schedule schedule(linear_beta{}, T);
        for (std::size_t n = 1; n <= T; ++n) {
            for (const std::string& found :
                 {fault(leading(schedule, n), n), fault(trailing(schedule, n), n),
                  fault(linspace(schedule, n), n), fault(quadratic(schedule, n), n),
                  fault(quadratic(schedule, n, 1), n), fault(quadratic(schedule, n, 0.1), n)}) {
                if (found.empty()) continue;
                CAPTURE(T);
                CAPTURE(n);
                FAIL_CHECK(found);
            }
        }
        CHECK(fault(all_steps(schedule), T) == "");
    }
}

TEST_CASE("an offset of 1 works for every n that leaves room for it") {
    const discrete_schedule schedule(linear_beta{}, 100);
    for (std::size_t n = 1; n < 100; ++n) {
        CAPTURE(n);
        if (100 / n * (n - 1) + 1 < 100) CHECK(fault(leading(schedule, n, 1), n) == "");
        else CHECK_THROWS_AS(leading(schedule, n, 1), std::invalid_argument);
    }
    const auto minus_one = static_cast<std::size_t>(-1);
    CHECK_THROWS_AS(leading_times(100, 10, minus_one), std::invalid_argument);
}

TEST_CASE("leading takes every floor(T/n)-th time from 0 up") {
    CHECK(leading_times(1000, 4) == times{750, 500, 250, 0});
    CHECK(leading_times(1000, 4, 1) == times{751, 501, 251, 1});
    CHECK(leading_times(10, 3) == times{6, 3, 0});
    CHECK(leading_times(10, 1) == times{0});
}

TEST_CASE("trailing starts at the noisiest time") {
    CHECK(trailing_times(1000, 4) == times{999, 749, 499, 249});
    CHECK(trailing_times(10, 3) == times{9, 6, 2});  // round(10, 6.67, 3.33) - 1
    CHECK(trailing_times(10, 1) == times{9});
    CHECK(trailing_times(5, 2) == times{4, 1});  // 2.5 is rounded to even
}

TEST_CASE("linspace visits both ends") {
    CHECK(linspace_times(1000, 4) == times{999, 666, 333, 0});
    CHECK(linspace_times(10, 3) == times{9, 4, 0});  // 4.5 is rounded to even
    CHECK(linspace_times(10, 1) == times{9});
    CHECK(linspace_times(7, 7) == times{6, 5, 4, 3, 2, 1, 0});
}

TEST_CASE("quadratic is dense near the data") {
    CHECK(quadratic_times(1000, 5) == times{800, 450, 200, 50, 0});
    CHECK(quadratic_times(1000, 3, 0.4) == times{400, 100, 0});
    CHECK(quadratic_times(1000, 1) == times{800});
    CHECK(quadratic_times(5, 5) == times{4, 3, 2, 1, 0});
}

TEST_CASE("all steps are T - 1, ..., 0 and clean data") {
    const discrete_schedule schedule(cosine_beta{}, 3);
    const time_grid grid = all_steps(schedule);
    REQUIRE(grid.size() == 4);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(grid[i] == node_at(schedule, 2.0 - static_cast<double>(i)));
}

TEST_CASE("no steps, more than T steps and impossible options are refused by name and value") {
    const discrete_schedule schedule(linear_beta{}, 100);
    CHECK_THROWS_WITH_AS(leading(schedule, 0),
                         "diffusion::leading_times: the number of steps must lie in 1 .. T, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        leading(schedule, 101),
        "diffusion::leading_times: the number of steps must lie in 1 .. T, got 101",
        std::invalid_argument);
    CHECK_THROWS_WITH_AS(leading(schedule, 50, 2),
                         "diffusion::leading_times: the offset must leave all times below T, got 2",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(trailing(schedule, 0),
                         "diffusion::trailing_times: the number of steps must lie in 1 .. T, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(trailing(schedule, 101), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        linspace(schedule, 101),
        "diffusion::linspace_times: the number of steps must lie in 1 .. T, got 101",
        std::invalid_argument);
    CHECK_THROWS_AS(linspace(schedule, 0), std::invalid_argument);
    CHECK_THROWS_WITH_AS(quadratic(schedule, 10, 1.5),
                         "diffusion::quadratic_times: reach must lie in (0, 1], got 1.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(quadratic(schedule, 10, 0), std::invalid_argument);
    CHECK_THROWS_AS(quadratic(schedule, 0), std::invalid_argument);
    CHECK_THROWS_AS(quadratic(schedule, 101), std::invalid_argument);
    CHECK_THROWS_WITH_AS(leading_times(0, 1),
                         "diffusion::leading_times: T must be at least 1, got 0",
                         std::invalid_argument);
}
