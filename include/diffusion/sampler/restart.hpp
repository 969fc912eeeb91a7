#pragma once
// L5: restart sampling: down, up again with fresh noise, down once more.

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/sampler/singlestep.hpp>

namespace diffusion {

/// One restart interval of Xu et al. 2023: K times the state is noised from t_min up to t_max and
/// brought down again over N_restart nodes (N_restart - 1 steps). Levels are sigma/alpha.
struct restart_interval {
    std::size_t nodes = 3;    ///< N_restart, with both ends
    std::size_t repeats = 1;  ///< K
    double t_min, t_max;
};

/// The path of restart sampling (Xu et al. 2023, algorithm 1): the nodes of `grid`, and wherever
/// one of them is the nearest to the t_min of an interval, K turns up to t_max and down again, over
/// levels with the spacing of Karras et al. 2022. `nodes` gives the node of any rho = sigma/alpha.
/// The paper solves with Heun's method:
///
///     const auto grid = grid_of_sigmas(schedule, karras_sigmas(18, range));
///     singlestep(heun{}, restart_path(grid, nodes_of{schedule}, {{3, 2, 0.06, 0.30}}))
///
/// which takes 2 * 18 - 1 + 2 * 2 * 2 = 43 evaluations. Throws std::invalid_argument unless an
/// interval has at least 2 nodes, its t_max is finite and above the level where it starts, and
/// t_min is positive.
template <class Nodes>
resampling_path restart_path(const time_grid& grid, const Nodes& nodes,
                             const std::vector<restart_interval>& intervals) {
    constexpr const char* function = "diffusion::restart_path";
    detail::require_denoising(grid, function);
    const auto rho = [](const node& n) { return n.sigma / n.alpha; };
    std::vector<std::size_t> starts;
    for (const restart_interval& interval : intervals) {
        detail::require(interval.nodes >= 2, function, "an interval needs at least 2 nodes",
                        interval.nodes);
        detail::require(interval.t_min > 0, function, "t_min must be positive", interval.t_min);
        std::size_t nearest = 0;
        for (std::size_t i = 1; i < grid.size(); ++i)
            if (grid[i].sigma > 0 && std::abs(rho(grid[i]) - interval.t_min) <
                                         std::abs(rho(grid[nearest]) - interval.t_min))
                nearest = i;
        detail::require(interval.t_max > rho(grid[nearest]) &&
                            interval.t_max < std::numeric_limits<double>::infinity(),
                        function, "t_max must be finite and above the node nearest to t_min",
                        interval.t_max);
        starts.push_back(nearest);
    }
    resampling_path path;
    for (std::size_t i = 0; i < grid.size(); ++i) {
        path.nodes.push_back(grid[i]);
        for (std::size_t k = 0; k < intervals.size(); ++k) {
            if (starts[k] != i) continue;
            const sigma_range range{rho(grid[i]), intervals[k].t_max};
            const std::vector<double> levels = karras_sigmas(intervals[k].nodes, range);
            for (std::size_t turn = 0; turn < intervals[k].repeats; ++turn) {
                for (std::size_t j = 0; j + 1 < levels.size(); ++j)
                    path.nodes.push_back(nodes(levels[j]));
                path.nodes.push_back(grid[i]);
            }
        }
    }
    return path;
}

}  // namespace diffusion
