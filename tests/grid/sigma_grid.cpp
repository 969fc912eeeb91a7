#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/shifted_flow.hpp>
#include <diffusion/schedule/sub_vp.hpp>
#include <diffusion/schedule/vp_sigmoid.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>

using namespace diffusion;

namespace {

// Levels from 1e-3 to 1e3, or as far as the schedule goes.
template <noise_schedule S>
void check_schedule(const S& schedule, double highest = 1e3, double lowest = 1e-3) {
    const double noisiest = noise_to_signal(schedule(schedule.t_max()));
    const double cleanest = noise_to_signal(schedule(schedule.t_min()));
    const sigma_range range{std::max(lowest, cleanest), std::min(highest, noisiest)};
    for (const std::size_t n : {1U, 2U, 3U, 10U, 57U}) {
        const std::vector<double> sigmas = karras_sigmas(n, range);
        const time_grid grid = grid_of_sigmas(schedule, sigmas);
        REQUIRE(grid.size() == n + 1);
        CHECK_NOTHROW(detail::require_grid(grid, "grid"));
        CHECK(grid.back() == clean_node(schedule));
        for (std::size_t i = 0; i < n; ++i) {
            const node& at = grid[i];
            CAPTURE(sigmas[i]);
            CHECK(std::abs(noise_to_signal(at) / sigmas[i] - 1) < 1e-12);
            CHECK(std::abs(at.lambda + std::log(sigmas[i])) < 1e-12);
            const noise_level shown = schedule(at.t);  // the level of the time that is told
            CHECK(std::abs(shown.alpha - at.alpha) < 1e-10);
            CHECK(std::abs(shown.sigma - at.sigma) < 1e-10 * at.sigma);
            if (i > 0) CHECK(at.t < grid[i - 1].t);
        }
    }
}

}  // namespace

TEST_CASE(
    "a list of levels becomes a grid on any schedule, with the times that have these levels") {
    check_schedule(vp_linear{});
    check_schedule(vp_cosine{});
    check_schedule(vp_sigmoid{});
    check_schedule(sub_vp_linear{});
    check_schedule(ve_geometric{});
    check_schedule(edm_schedule{});
    check_schedule(flow_schedule{});
    check_schedule(shifted_flow_schedule{3});
    check_schedule(discrete_schedule<>{});
    check_schedule(discrete_schedule(cosine_beta{}, 1000));
    check_schedule(discrete_schedule(laplace_beta{}, 1000));
    check_schedule(discrete_schedule(linear_beta{0.1, 0.4}, 7));
}

TEST_CASE("levels are exact where times have no digits left") {
    // Pure noise but for 1e-14 of signal: 1 - t is 45 units in the last place.
    const node noisy = node_at_sigma(flow_schedule{}, 1e14);
    CHECK(noisy.alpha == doctest::Approx(1e-14).epsilon(1e-12));
    CHECK(noisy.lambda == doctest::Approx(-std::log(1e14)).epsilon(1e-15));
    const node clean = node_at_sigma(vp_linear{}, 1e-12);
    CHECK(clean.sigma == doctest::Approx(1e-12).epsilon(1e-14));
    CHECK(clean.alpha == 1);
}

TEST_CASE("times of a discrete schedule interpolate log(sigma/alpha) between two integers") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    const double low = noise_to_signal(schedule(500)), high = noise_to_signal(schedule(501));
    for (const double part : {0.0, 0.25, 0.5, 0.9}) {
        const double rho = std::pow(low, 1 - part) * std::pow(high, part);
        CHECK(node_at_sigma(schedule, rho).t == doctest::Approx(500 + part).epsilon(1e-12));
    }
    for (std::size_t t = 0; t < 1000; ++t) {
        const double time = static_cast<double>(t);
        const node at = node_at_sigma(schedule, noise_to_signal(schedule(time)));
        CHECK(std::abs(at.t - time) < 1e-9);
        CHECK(at.alpha == doctest::Approx(schedule(time).alpha).epsilon(1e-14));
    }
    // Both ends are met exactly, so that rounding down does not lose a step.
    CHECK(node_at_sigma(schedule, noise_to_signal(schedule(999)), told_time::below).t == 999);
    CHECK(node_at_sigma(schedule, noise_to_signal(schedule(0)), told_time::exact).t == 0);
}

TEST_CASE("the time that the network is told may be rounded, the level stays") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    const auto sigmas = karras_sigmas(30, sigma_range_of(schedule));
    const time_grid exact = grid_of_sigmas(schedule, sigmas);
    const time_grid nearest = grid_of_sigmas(schedule, sigmas, {.told = told_time::nearest});
    const time_grid below = grid_of_sigmas(schedule, sigmas, {.told = told_time::below});
    for (std::size_t i = 0; i < 30; ++i) {
        CHECK(nearest[i].t == std::nearbyint(exact[i].t));
        CHECK(below[i].t == std::floor(exact[i].t));
        CHECK(nearest[i].lambda == exact[i].lambda);
        CHECK(below[i].sigma == exact[i].sigma);
    }
}

TEST_CASE("for every n in 1 .. T a Karras grid has n steps that fall strictly") {
    const discrete_schedule schedule(linear_beta{0.05, 0.3}, 40);
    const sigma_range range = sigma_range_of(schedule);
    for (std::size_t n = 1; n <= 40; ++n) {
        const time_grid to_data = grid_of_sigmas(schedule, karras_sigmas(n, range));
        CHECK(to_data.size() == n + 1);
        CHECK(to_data.back().sigma == 0);
        const time_grid to_first =
            grid_of_sigmas(schedule, karras_sigmas(n + 1, range), {.end = grid_end::last_time});
        CHECK(to_first.size() == n + 1);
        CHECK(noise_to_signal(to_first.back()) == doctest::Approx(range.lowest).epsilon(1e-14));
        for (const time_grid& grid : {to_data, to_first})
            CHECK_NOTHROW(detail::require_grid(grid, "grid"));
    }
}

TEST_CASE("a list of your own may end in a zero, which is clean data") {
    const time_grid grid = grid_of_sigmas(edm_schedule{}, {10, 1, 0.1, 0});
    REQUIRE(grid.size() == 4);
    CHECK(grid[1] == node{1, 1, 1, 0});
    CHECK(grid.back() == clean_node(edm_schedule{}));
    CHECK(grid_of_sigmas(edm_schedule{}, {10, 1, 0.1}) == grid);
    CHECK(grid_of_sigmas(edm_schedule{}, {10, 1}, {.end = grid_end::last_time}).size() == 2);
}

TEST_CASE("levels outside of a schedule are refused, or told as its last time if asked for") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    CHECK_THROWS_WITH_AS(grid_of_sigmas(schedule, {20, 1}),
                         "diffusion::node_at_sigma: sigma/alpha must lie within the schedule's "
                         "range, unless outside_range::hold_time is asked for, got 20",
                         std::invalid_argument);
    const time_grid grid =
        grid_of_sigmas(schedule, {20, 1, 1e-3}, {.outside = outside_range::hold_time});
    CHECK(grid[0].t == 999);
    CHECK(noise_to_signal(grid[0]) == doctest::Approx(20).epsilon(1e-15));
    CHECK(grid[0].alpha == doctest::Approx(1 / std::sqrt(401)).epsilon(1e-15));
    CHECK(grid[2].t == 0);
    CHECK(grid[2].sigma == doctest::Approx(1e-3 / std::sqrt(1 + 1e-6)).epsilon(1e-15));
    const time_grid exploding =
        grid_of_sigmas(edm_schedule{}, {700, 1}, {.outside = outside_range::hold_time});
    CHECK(exploding[0].t == 80);
    CHECK(exploding[0].alpha == 1);
    CHECK(exploding[0].sigma == 700);
    // The curve of sub-VP is not known beyond its ends.
    CHECK_THROWS_AS(
        grid_of_sigmas(sub_vp_linear{}, {1e4, 1}, {.outside = outside_range::hold_time}),
        std::invalid_argument);
}

TEST_CASE("a schedule that ends at pure noise tells the last time that has signal") {
    const auto schedule = zero_terminal_snr(discrete_schedule(scaled_linear_beta{}, 1000));
    const time_grid grid = grid_of_sigmas(schedule, {1e6, 1});
    CHECK(grid[0].t == 998);
    CHECK(noise_to_signal(grid[0]) == doctest::Approx(1e6));
    CHECK_THROWS_WITH_AS(sigma_range_of(schedule),
                         "diffusion::sigma_range_of: sigma/alpha must be finite at t_first; choose "
                         "an earlier one, got inf",
                         std::invalid_argument);
    CHECK(sigma_range_of(schedule, 998, 0).highest > 1000);
    CHECK_THROWS_AS(sigma_range_of(flow_schedule{}, 0.5, 0), std::invalid_argument);
    CHECK_THROWS_AS(sigma_range_of(flow_schedule{}, 0.5, 0.5), std::invalid_argument);
    CHECK_THROWS_AS(sigma_range_of(flow_schedule{}, 0.5, 0.9), std::invalid_argument);
}

TEST_CASE("the linear kind of interpolation is linear in sigma/alpha") {
    const discrete_schedule schedule(linear_beta{}, 1000);
    const double low = noise_to_signal(schedule(332)), high = noise_to_signal(schedule(333));
    CHECK(linear_sigma(schedule, 332) == low);
    CHECK(linear_sigma(schedule, 332.25) == doctest::Approx(0.75 * low + 0.25 * high));
    CHECK(linear_sigma(schedule, 999) == noise_to_signal(schedule(999)));
    const std::vector<double> times{999, 332.25, 10};
    const time_grid grid = linear_sigma_grid(schedule, times);
    REQUIRE(grid.size() == 4);
    CHECK(grid[0] == node_at(schedule, 999));
    CHECK(grid[1].t == 332.25);
    CHECK(noise_to_signal(grid[1]) == doctest::Approx(0.75 * low + 0.25 * high).epsilon(1e-14));
    CHECK(grid[1].alpha * grid[1].alpha + grid[1].sigma * grid[1].sigma ==
          doctest::Approx(1).epsilon(1e-15));
    CHECK_THROWS_AS(linear_sigma(schedule, 999.5), std::invalid_argument);
    CHECK_THROWS_AS(linear_sigma(schedule, NAN), std::invalid_argument);
}

TEST_CASE("lists that make no grid are refused") {
    CHECK_THROWS_WITH_AS(grid_of_sigmas(edm_schedule{}, {1, 2}),
                         "diffusion::grid_of_sigmas: noise levels must be finite and fall "
                         "strictly, noisiest first, got 2",
                         std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {0}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, std::vector<double>{}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {1, 0, 0}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {1, -1}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {NAN, 1}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {INFINITY, 1}), std::invalid_argument);
    CHECK_THROWS_AS(grid_of_sigmas(edm_schedule{}, {1}, {.end = grid_end::last_time}),
                    std::invalid_argument);
}
