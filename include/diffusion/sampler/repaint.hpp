#pragma once
// L5: RePaint's way through the noise levels: down, up a bit, down again.

#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/sampler/singlestep.hpp>

namespace diffusion {

/// How often and how far RePaint goes back up.
struct repaint_jumps {
    std::size_t length = 10;  ///< steps of the grid that a jump undoes, "jump_length"
    std::size_t samples =
        10;  ///< times that a part is sampled, "jump_n_sample"; 1 is no jump at all
};

/// The nodes of a grid in the order of RePaint (Lugmayr et al. 2022, algorithm 1 and appendix B):
/// wherever 1, 1 + length, 1 + 2 length, ... steps are left, the state is noised back up to where
/// it was `length` steps earlier, samples - 1 times, if that lies on the grid. In between, what is
/// known is put back after every step:
///
///     const singlestep jumping(ddim{1}, repaint_path(grid));
///     sample(x, projected(jumping, keep_known(picture, mask)), D, noise);
///
/// A run becomes about `samples` times as long in evaluations; as many steps up need none.
/// Throws std::invalid_argument unless length and samples are at least 1.
inline resampling_path repaint_path(const time_grid& grid, const repaint_jumps& jumps = {}) {
    constexpr const char* function = "diffusion::repaint_path";
    detail::require_denoising(grid, function);
    detail::require(jumps.length >= 1, function, "the length of a jump must be at least 1",
                    jumps.length);
    detail::require(jumps.samples >= 1, function, "a part is sampled at least once", jumps.samples);
    const std::size_t n = grid.size() - 1;
    std::vector<std::size_t> left(n + 1, 0);  // jumps to come at the node with so many steps below
    for (std::size_t j = 1; j + jumps.length <= n; j += jumps.length) left[j] = jumps.samples - 1;
    resampling_path path{{grid.front()}};
    for (std::size_t below = n; below > 0;) {
        --below;
        path.nodes.push_back(grid[n - below]);
        if (left[below] == 0) continue;
        --left[below];
        for (std::size_t k = 0; k < jumps.length; ++k) path.nodes.push_back(grid[n - ++below]);
    }
    return path;
}

}  // namespace diffusion
