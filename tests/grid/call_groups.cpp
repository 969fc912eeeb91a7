#include <doctest/doctest.h>

#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/continuous.hpp>

using namespace diffusion;
using sizes = std::vector<std::size_t>;

TEST_CASE("n calls are spent on full steps first, and none is left over") {
    CHECK(call_groups(1, 3) == sizes{1});
    CHECK(call_groups(2, 3) == sizes{2});
    CHECK(call_groups(3, 3) == sizes{2, 1});
    CHECK(call_groups(9, 3) == sizes{3, 3, 2, 1});
    CHECK(call_groups(10, 3) == sizes{3, 3, 3, 1});
    CHECK(call_groups(11, 3) == sizes{3, 3, 3, 2});
    CHECK(call_groups(5, 2) == sizes{2, 2, 1});
    CHECK(call_groups(6, 2) == sizes{2, 2, 2});
    CHECK(call_groups(3, 1) == sizes{1, 1, 1});
    for (std::size_t order = 1; order <= 3; ++order)
        for (std::size_t n = 1; n <= 40; ++n) {
            std::size_t sum = 0;
            for (const std::size_t group : call_groups(n, order)) sum += group;
            CHECK(sum == n);
        }
}

TEST_CASE("a step to clean data stands alone, and one from alpha = 0") {
    const time_grid clean = uniform_lambda(vp_linear{}, 8, 1, 1e-3);
    CHECK(call_groups(clean, 3) == sizes{3, 3, 1, 1});
    CHECK(call_groups(clean, 2) == sizes{2, 2, 2, 1, 1});
    const time_grid flow = uniform_time(flow_schedule{}, 8);
    CHECK(call_groups(flow, 3) == sizes{1, 3, 3, 1});
    CHECK(call_groups(flow, 2) == sizes{1, 2, 2, 2, 1});
    CHECK(call_groups(uniform_time(flow_schedule{}, 1), 2) == sizes{1});
    CHECK(call_groups(uniform_time(flow_schedule{}, 2), 2) == sizes{1, 1});
    const time_grid noisy = uniform_lambda(vp_linear{}, 8, 1, 1e-3, grid_end::last_time);
    CHECK(call_groups(noisy, 3) == sizes{3, 3, 2});
}

TEST_CASE("the coarse grid has the nodes between the groups") {
    const time_grid fine = uniform_lambda(vp_linear{}, 6, 1, 1e-3, grid_end::last_time);
    CHECK(coarse(fine, {3, 2, 1}) == time_grid{fine[0], fine[3], fine[5], fine[6]});
    CHECK(coarse(fine, {6}) == time_grid{fine[0], fine[6]});
}

TEST_CASE("groups that are empty or do not add up are refused") {
    const time_grid fine = uniform_lambda(vp_linear{}, 6, 1, 1e-3, grid_end::last_time);
    CHECK_THROWS_AS(call_groups(0, 2), std::invalid_argument);
    CHECK_THROWS_AS(call_groups(5, 0), std::invalid_argument);
    CHECK_THROWS_AS(call_groups(5, 4), std::invalid_argument);
    CHECK_THROWS_AS(call_groups(time_grid{}, 2), std::invalid_argument);
    CHECK_THROWS_AS(coarse(time_grid{}, {1}), std::invalid_argument);
    CHECK_THROWS_AS(coarse(fine, {3, 0, 3}), std::invalid_argument);
    CHECK_THROWS_AS(coarse(fine, {3, 4}), std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        coarse(fine, {3, 2}),
        "diffusion::coarse: the groups must add up to the steps of the grid; their sum, got 5",
        std::invalid_argument);
}
