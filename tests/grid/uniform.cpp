#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <stdexcept>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

namespace {

template <noise_schedule S>
void check_uniform_time(const S& schedule) {
    for (std::size_t n = 1; n <= 50; ++n) {
        const time_grid grid = uniform_time(schedule, n);
        CAPTURE(n);
        REQUIRE(grid.size() == n + 1);
        CHECK(grid.front().t == schedule.t_max());
        CHECK(grid.back().sigma == 0);
        CHECK_NOTHROW(detail::require_grid(grid, "grid"));
    }
}

}  // namespace

TEST_CASE("steps of equal time end at clean data after n evaluations, on every schedule") {
    check_uniform_time(vp_linear{});
    check_uniform_time(vp_cosine{});
    check_uniform_time(flow_schedule{});
    check_uniform_time(ve_geometric{});
    check_uniform_time(edm_schedule{});
    check_uniform_time(discrete_schedule<>{});
}

TEST_CASE(
    "where the last time still has noise, the network is asked there and a step to clean follows") {
    const time_grid grid = uniform_time(flow_schedule{}, 4, 0.75, 0.125);
    REQUIRE(grid.size() == 5);
    CHECK(grid[0].t == 0.75);
    CHECK(grid[3].t == 0.125);
    CHECK(grid[1].t - grid[2].t == doctest::Approx(0.625 / 3));
    CHECK(grid[4] == clean_node(flow_schedule{}));
}

TEST_CASE("where the last time has no noise, it is the end") {
    const time_grid grid = uniform_time(flow_schedule{}, 4, 1, 0);
    REQUIRE(grid.size() == 5);
    CHECK(grid[1].t == 0.75);
    CHECK(grid[3].t == 0.25);
    CHECK(grid[4].t == 0);
}

TEST_CASE("the time of a lambda is found to the last digits") {
    const auto check = [](const auto& schedule, double lambda) {
        const double t = time_of_lambda(schedule, lambda);
        CHECK(std::abs(schedule(t).lambda - lambda) < 1e-12 * (1 + std::abs(lambda)));
    };
    for (const double lambda : {-3.0, -0.5, 0.0, 0.25, 3.0}) {
        check(vp_linear{}, lambda);
        check(vp_cosine{}, lambda);
        check(flow_schedule{}, lambda);
        check(edm_schedule{}, lambda);
        check(discrete_schedule<>{}, lambda);
    }
    CHECK(time_of_lambda(flow_schedule{}, 0) == doctest::Approx(0.5).epsilon(1e-15));
    CHECK_THROWS_WITH_AS(
        time_of_lambda(edm_schedule{}, 100),
        "diffusion::time_of_lambda: lambda must lie between those of t_max and t_min, got 100",
        std::invalid_argument);
    CHECK_THROWS_AS(time_of_lambda(edm_schedule{}, NAN), std::invalid_argument);
}

TEST_CASE("steps of equal lambda are what exponential integrators like") {
    for (const grid_end end : {grid_end::clean, grid_end::last_time}) {
        for (const std::size_t n : {1U, 2U, 10U, 33U}) {
            const time_grid grid = uniform_lambda(vp_linear{}, n, 1, 0.01, end);
            REQUIRE(grid.size() == n + 1);
            CHECK(grid.front().t == 1);
            const std::size_t spaced = end == grid_end::clean ? n - 1 : n;
            if (spaced > 0) CHECK(grid[spaced].t == 0.01);
            for (std::size_t i = 0; i + 1 < spaced; ++i)
                CHECK(grid[i + 1].lambda - grid[i].lambda ==
                      doctest::Approx((grid[spaced].lambda - grid[0].lambda) /
                                      static_cast<double>(spaced))
                          .epsilon(1e-10));
            CHECK((grid.back().sigma == 0) == (end == grid_end::clean));
        }
    }
}

TEST_CASE("intervals that make no grid are refused by name and value") {
    CHECK_THROWS_WITH_AS(uniform_time(vp_linear{}, 0),
                         "diffusion::uniform_time: the number of steps must be at least 1, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(uniform_time(vp_linear{}, 5, 0.25, 0.5),
                         "diffusion::uniform_time: t_first must exceed t_last, got 0.25",
                         std::invalid_argument);
    CHECK_THROWS_AS(uniform_time(vp_linear{}, 5, 2, 0.5), std::invalid_argument);
    CHECK_THROWS_WITH_AS(uniform_lambda(vp_linear{}, 0, 1, 0.5),
                         "diffusion::uniform_lambda: the number of steps must be at least 1, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(uniform_lambda(vp_linear{}, 5, 1, 0),
                         "diffusion::uniform_lambda: lambda must be finite at t_last, got inf",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(uniform_lambda(vp_cosine{}, 5, 1, 0.5),
                         "diffusion::uniform_lambda: lambda must be finite at t_first, got -inf",
                         std::invalid_argument);
}
