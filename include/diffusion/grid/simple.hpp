#pragma once
// L2: two more spacings of the times of a discrete schedule, known by the names that programs for
// Stable Diffusion gave them.

#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/spacing.hpp>

namespace diffusion {

/// "simple": T - 1 - floor(i T/n) for i = 0 .. n-1. Unlike `trailing_times` it rounds each time up.
inline std::vector<double> simple_times(std::size_t T, std::size_t n) {
    detail::require_steps(T, n, "diffusion::simple_times");
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i) times[i] = static_cast<double>(T - 1 - i * T / n);
    return times;
}

/// "sgm_uniform": (T - 1)(n - i)/n for i = 0 .. n-1, the last step as long as the others.
/// Fractional times, at which a discrete schedule interpolates lambda. (With i/(n-1) instead, down
/// to t = 0, the same programs call it "normal": `uniform_time`.)
inline std::vector<double> sgm_uniform_times(std::size_t T, std::size_t n) {
    detail::require_steps(T, n, "diffusion::sgm_uniform_times");
    detail::require(T >= 2, "diffusion::sgm_uniform_times", "T must be at least 2", T);
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>((T - 1) * (n - i)) / static_cast<double>(n);
    return times;
}

}  // namespace diffusion
