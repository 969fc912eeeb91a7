#pragma once
// L2: noise levels that were optimised for one family of models.

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// The model families for which Sabour et al. (2024) published a list.
enum class ays_model { stable_diffusion_1_5, stable_diffusion_xl, stable_video_diffusion };

/// "Align your steps": 10 levels of sigma/alpha (Sabour et al. 2024); for other n log sigma is
/// interpolated linearly over the index, as the authors advise. A step to clean data follows. The
/// highest level of the first two, 14.615, lies beyond their schedule's own 14.6146: on it the grid
/// needs `outside_range::hold_time`.
inline std::vector<double> ays_sigmas(std::size_t n, ays_model model) {
    static constexpr double tables[3][10] = {
        {14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152},
        {14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113},
        {700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034}};
    detail::require(n >= 1, "diffusion::ays_sigmas",
                    "the number of noise levels must be at least 1", n);
    const auto row = static_cast<std::size_t>(model);
    detail::require(row < 3, "diffusion::ays_sigmas", "there is no such model", model);
    const double(&table)[10] = tables[row];
    std::vector<double> sigmas(n, table[0]);
    for (std::size_t i = 1; i < n; ++i) {
        const std::size_t below = i * 9 / (n - 1), rest = i * 9 % (n - 1);
        const double part = static_cast<double>(rest) / static_cast<double>(n - 1);
        sigmas[i] = rest == 0 ? table[below]
                              : table[below] * std::pow(table[below + 1] / table[below], part);
    }
    return sigmas;
}

}  // namespace diffusion
