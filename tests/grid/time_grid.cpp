#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

TEST_CASE("a node is a time and the noise level there") {
    const node t = node_at(flow_schedule{}, 0.25);
    CHECK(t == node{0.25, 0.75, 0.25, flow_schedule{}(0.25).lambda});
    CHECK(noise_level(t) == flow_schedule{}(0.25));
    std::ostringstream text;
    text << node{3, 1, 0, 2};
    CHECK(text.str() == "t 3, alpha 1, sigma 0, lambda 2");
}

TEST_CASE("clean data stands at t = 0, or at -1 where times are counted from 0") {
    CHECK(clean_node(flow_schedule{}).t == 0);
    CHECK(clean_node(discrete_schedule<>{}).t == -1);
    CHECK(noise_level(clean_node(ve_geometric{})) == clean_data);
}

TEST_CASE("an own list of times becomes a grid that ends at clean data") {
    const discrete_schedule<> schedule;
    const time_grid grid = make_grid(schedule, {999, 500, 250.5, 0});
    REQUIRE(grid.size() == 5);
    CHECK(grid[0] == node_at(schedule, 999));
    CHECK(grid[2].t == 250.5);
    CHECK(grid[4] == clean_node(schedule));
}

TEST_CASE("a list that ends without noise is complete as it stands") {
    const time_grid grid = make_grid(vp_linear{}, {1, 0.5, 0});
    REQUIRE(grid.size() == 3);
    CHECK(grid.back().sigma == 0);
}

TEST_CASE("a grid may end at its last time, above clean data") {
    const time_grid grid = make_grid(edm_schedule{}, {80, 1, 0.5}, grid_end::last_time);
    REQUIRE(grid.size() == 3);
    CHECK(grid.back().sigma == 0.5);
}

TEST_CASE("clean data stands below every time of its schedule") {
    CHECK(clean_node(discrete_schedule<>{}).t == -1);
    CHECK(clean_node(flow_schedule{}).t == 0);
    CHECK(clean_node(edm_schedule{}).t == 0);
    CHECK(clean_node(ve_geometric{}).t == -1);  // at t = 0 there is still noise
}

TEST_CASE("lists that make no grid are refused by name and value") {
    const discrete_schedule<> schedule;
    CHECK_THROWS_WITH_AS(make_grid(schedule, std::vector<double>{}),
                         "diffusion::make_grid: at least one time is needed, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(make_grid(schedule, {10, 20}),
                         "diffusion::make_grid: times must fall strictly, noisiest first, got 20",
                         std::invalid_argument);
    CHECK_THROWS_AS(make_grid(schedule, {10, 10}), std::invalid_argument);
    CHECK_THROWS_AS(make_grid(schedule, {10, NAN}), std::invalid_argument);
    CHECK_THROWS_AS(make_grid(schedule, {1000}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(make_grid(schedule, {10}, grid_end::last_time),
                         "diffusion::make_grid: a grid needs at least 2 nodes, got 1",
                         std::invalid_argument);
    CHECK_THROWS_AS(make_grid(vp_linear{}, {0}), std::invalid_argument);  // nothing to do
}

TEST_CASE("a strength keeps the last part of a grid") {
    const time_grid grid = leading(discrete_schedule<>{}, 50);
    CHECK(start_at(grid, 1) == grid);
    const time_grid kept = start_at(grid, 0.3);
    REQUIRE(kept.size() == 16);
    CHECK(kept.front() == grid[35]);
    CHECK(kept.back() == grid.back());
    CHECK(start_at(grid, 0.02).size() == 2);
    CHECK(start_at(grid, 0.999).size() == 50);
}

TEST_CASE("a strength that keeps nothing, or more than all, is refused") {
    const time_grid grid = leading(discrete_schedule<>{}, 50);
    CHECK_THROWS_WITH_AS(start_at(grid, 0),
                         "diffusion::start_at: strength must lie in (0, 1], got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(start_at(grid, 1.5), std::invalid_argument);
    CHECK_THROWS_AS(start_at(grid, NAN), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        start_at(grid, 0.0125),
        "diffusion::start_at: this strength leaves no step of the grid, got 0.0125",
        std::invalid_argument);
    CHECK_THROWS_AS(start_at(time_grid{}, 0.5), std::invalid_argument);
}

TEST_CASE("an inverted grid visits the same levels and tells the time of the noisier end") {
    const time_grid grid = leading(discrete_schedule<>{}, 4);  // 750 500 250 0 clean
    const time_grid inverse = inverted(grid);
    REQUIRE(inverse.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(noise_level(inverse[i]) == noise_level(grid[4 - i]));
        CHECK(inverse[i].t == grid[i == 4 ? 0 : 3 - i].t);
    }
}

TEST_CASE("samplers refuse a grid that is too short, not finite or not monotone") {
    const auto refused = [](const time_grid& grid) {
        CHECK_THROWS_AS(detail::require_grid(grid, "f"), std::invalid_argument);
    };
    const double infinity = std::numeric_limits<double>::infinity();
    const node noisy{2, 0.6, 0.8, -0.28}, mid{1, 0.8, 0.6, 0.28}, clean{0, 1, 0, infinity};
    CHECK_NOTHROW(detail::require_grid({noisy, mid, clean}, "f"));
    CHECK_NOTHROW(detail::require_grid({clean, mid, noisy}, "f"));
    refused({});
    refused({noisy});
    refused({noisy, noisy});
    refused({noisy, clean, mid});
    refused({mid, noisy, clean});
    refused({noisy, clean, clean});
    refused({{NAN, 0.6, 0.8, -0.28}, clean});
    refused({{2, NAN, 0.8, -0.28}, clean});
    refused({{2, 0.6, infinity, -0.28}, clean});
    refused({{2, -0.6, 0.8, -0.28}, clean});
    refused({{2, 0.6, -0.8, -0.28}, clean});
    refused({{2, 0.6, 0.8, NAN}, clean});
    CHECK_THROWS_WITH_AS(detail::require_grid({noisy}, "diffusion::f"),
                         "diffusion::f: a grid needs at least 2 nodes, got 1",
                         std::invalid_argument);
}
