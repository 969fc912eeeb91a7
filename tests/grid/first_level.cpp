#include <doctest/doctest.h>

#include <cstddef>
#include <ostream>
#include <stdexcept>

#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

namespace {

const discrete_schedule<scaled_linear_beta> stable_diffusion(scaled_linear_beta{}, 1000);

}  // namespace

TEST_CASE("a grid may end at the first level that was trained on instead of at clean data") {
    const time_grid clean = leading(stable_diffusion, 50, 1);
    const time_grid first = ending_at_first_level(stable_diffusion, clean);
    REQUIRE(first.size() == 51);
    for (std::size_t i = 0; i < 50; ++i) CHECK(first[i] == clean[i]);
    CHECK(first.back() == node_at(stable_diffusion, 0));
    CHECK_NOTHROW(detail::require_grid(first, "grid"));
}

TEST_CASE("where the last step would be empty it is refused, dropped or kept") {
    const time_grid clean = leading(stable_diffusion, 50);
    CHECK_THROWS_AS(ending_at_first_level(stable_diffusion, clean), std::invalid_argument);
    const time_grid dropped = ending_at_first_level(stable_diffusion, clean, empty_step::drop);
    const time_grid kept = ending_at_first_level(stable_diffusion, clean, empty_step::keep);
    CHECK(dropped.size() == 50);
    CHECK(dropped.back() == node_at(stable_diffusion, 0));
    CHECK(kept.size() == 51);
    CHECK(kept[49] == kept[50]);
    CHECK_NOTHROW(detail::require_grid(dropped, "grid"));
    CHECK_THROWS_AS(detail::require_grid(kept, "grid"), std::invalid_argument);
}

TEST_CASE("a grid of sigmas down to the schedule's lowest meets its first level but for rounding") {
    const time_grid clean =
        grid_of_sigmas(stable_diffusion, karras_sigmas(10, sigma_range_of(stable_diffusion)));
    CHECK_THROWS_AS(ending_at_first_level(stable_diffusion, clean), std::invalid_argument);
    CHECK(ending_at_first_level(stable_diffusion, clean, empty_step::drop).size() == 10);
}

TEST_CASE("only a grid that ends at clean data can be given another end") {
    const time_grid clean = leading(stable_diffusion, 50, 1);
    const time_grid first = ending_at_first_level(stable_diffusion, clean);
    CHECK_THROWS_AS(ending_at_first_level(stable_diffusion, first), std::invalid_argument);
    CHECK_THROWS_AS(ending_at_first_level(stable_diffusion, {}), std::invalid_argument);
    CHECK_THROWS_AS(ending_at_first_level(flow_schedule{}, make_grid(flow_schedule{}, {1, 0.5})),
                    std::invalid_argument);
    CHECK_THROWS_AS(
        ending_at_first_level(stable_diffusion, make_grid(stable_diffusion, {0}), empty_step::drop),
        std::invalid_argument);
    CHECK_THROWS_AS(
        ending_at_first_level(edm_schedule{1, 80}, grid_of_sigmas(edm_schedule{}, {10, 0.5})),
        std::invalid_argument);
}
