#pragma once
// L2: grids that end at the least noise that the network was trained on, not at clean data.

#include <cmath>
#include <cstddef>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// What to do with a last step that would go from a level to itself.
enum class empty_step { refuse, drop, keep };

/// The grid with its clean end replaced by the schedule's first level, that of t_min
/// ("set_alpha_to_one = false", "final sigma = sigma_min"). The last step of `leading` without an
/// offset starts at that level, so that nothing would be left of it: std::invalid_argument, unless
/// it is to be dropped (one step less, the same result) or kept (as the references do; the grid
/// then repeats a level, which samplers refuse).
template <noise_schedule S>
time_grid ending_at_first_level(const S& schedule, time_grid grid,
                                empty_step empty = empty_step::refuse) {
    constexpr const char* function = "diffusion::ending_at_first_level";
    detail::require(grid.size() >= 2, function, "a grid needs at least 2 nodes", grid.size());
    detail::require(grid.back().sigma == 0, function, "the grid must end at clean data; sigma",
                    grid.back().sigma);
    const node first = node_at(schedule, schedule.t_min());
    detail::require(first.sigma > 0, function, "the schedule's first level must have noise; sigma",
                    first.sigma);
    const double lambda = grid[grid.size() - 2].lambda;
    // A grid of sigmas has -log(sigma/alpha), which may differ in the last digits.
    const double above = first.lambda - lambda, rounding = 1e-14 * (1 + std::abs(lambda));
    detail::require(above >= -rounding, function,
                    "the grid must not go below the schedule's first level; lambda", lambda);
    if (above <= rounding && empty != empty_step::keep) {
        detail::require(empty == empty_step::drop, function,
                        "the last step would be empty: the grid already visits the schedule's "
                        "first level; lambda",
                        lambda);
        grid.pop_back();
        detail::require(grid.size() >= 2, function, "a grid needs at least 2 nodes", grid.size());
        return grid;
    }
    grid.back() = first;
    return grid;
}

}  // namespace diffusion
