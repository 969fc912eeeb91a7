#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/align_your_steps.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

TEST_CASE("ten steps have the published levels") {
    const auto published = [](ays_model model, std::vector<double> levels) {
        CHECK(ays_sigmas(10, model) == levels);
    };
    published(ays_model::stable_diffusion_1_5,
              {14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152});
    published(ays_model::stable_diffusion_xl,
              {14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113});
    published(ays_model::stable_video_diffusion,
              {700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034});
}

TEST_CASE("other numbers of steps interpolate log sigma over the index") {
    const auto sigmas =
        ays_sigmas(19, ays_model::stable_diffusion_1_5);  // every second is the table
    const auto table = ays_sigmas(10, ays_model::stable_diffusion_1_5);
    for (std::size_t i = 0; i < 10; ++i) CHECK(sigmas[2 * i] == table[i]);
    for (std::size_t i = 0; i < 9; ++i)
        CHECK(sigmas[2 * i + 1] ==
              doctest::Approx(std::sqrt(table[i] * table[i + 1])).epsilon(1e-14));
    for (std::size_t n = 1; n <= 300; ++n) {
        const auto list = ays_sigmas(n, ays_model::stable_diffusion_xl);
        REQUIRE(list.size() == n);
        CHECK(list.front() == 14.615);
        if (n > 1) CHECK(list.back() == 0.113);
        for (std::size_t i = 1; i < n; ++i) CHECK(list[i] < list[i - 1]);
    }
}

TEST_CASE("on Stable Diffusion's schedule the levels stand at the published times") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    const sigma_grid_options options{.told = told_time::nearest,
                                     .outside = outside_range::hold_time};
    const auto check = [&](ays_model model, std::vector<double> times) {
        const time_grid grid = grid_of_sigmas(schedule, ays_sigmas(10, model), options);
        REQUIRE(grid.size() == 11);
        // Published levels have three decimals, published times are integers.
        for (std::size_t i = 0; i < 10; ++i) CHECK(std::abs(grid[i].t - times[i]) <= 3);
    };
    check(ays_model::stable_diffusion_1_5, {999, 850, 736, 645, 545, 455, 343, 233, 124, 24});
    check(ays_model::stable_diffusion_xl, {999, 845, 730, 587, 443, 310, 193, 116, 53, 13});
}

TEST_CASE("no steps and unknown models are refused") {
    CHECK_THROWS_AS(ays_sigmas(0, ays_model::stable_diffusion_xl), std::invalid_argument);
    CHECK_THROWS_WITH_AS(ays_sigmas(5, static_cast<ays_model>(7)),
                         "diffusion::ays_sigmas: there is no such model, got 7",
                         std::invalid_argument);
}
