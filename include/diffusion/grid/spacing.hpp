#pragma once
// L2: which n of the T times of a discrete schedule are visited. All in integer arithmetic: for
// every n in 1 .. T there are exactly n times, and they fall strictly.

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>

namespace diffusion {

namespace detail {

inline void require_steps(std::size_t T, std::size_t n, const char* function) {
    require(T >= 1, function, "T must be at least 1", T);
    require(n >= 1 && n <= T, function, "the number of steps must lie in 1 .. T", n);
}

/// numerator / denominator to the nearest integer, halves to even as NumPy and PyTorch round.
constexpr std::size_t rounded_ratio(std::size_t numerator, std::size_t denominator) {
    const std::size_t quotient = numerator / denominator;
    const std::size_t twice_rest = 2 * (numerator % denominator);
    return quotient +
           (twice_rest > denominator || (twice_rest == denominator && quotient % 2 == 1) ? 1 : 0);
}

}  // namespace detail

/// Every floor(T/n)-th time from 0 up: (n-1) r + offset, ..., r + offset, offset. The spacing of
/// DDPM and DDIM (Song, Meng, Ermon 2021, appendix D.2, "linear"); offset 1 is Stable Diffusion's.
/// The noisiest times are left out, which Lin et al. (2024) advise against; `trailing` starts at
/// T-1.
inline std::vector<double> leading_times(std::size_t T, std::size_t n, std::size_t offset = 0) {
    detail::require_steps(T, n, "diffusion::leading_times");
    const std::size_t stride = T / n;
    detail::require(offset < T - (n - 1) * stride, "diffusion::leading_times",
                    "the offset must leave all times below T", offset);
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>((n - 1 - i) * stride + offset);
    return times;
}

/// T - 1, then every T/n-th time below it, rounded: round(T - i T/n) - 1 (Lin et al. 2024, table
/// 2).
inline std::vector<double> trailing_times(std::size_t T, std::size_t n) {
    detail::require_steps(T, n, "diffusion::trailing_times");
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>(detail::rounded_ratio(T * (n - i), n)) - 1;
    return times;
}

/// n times spread evenly over 0 .. T-1, both ends included: round((n-1-i) (T-1)/(n-1)). A single
/// step starts at T-1.
inline std::vector<double> linspace_times(std::size_t T, std::size_t n) {
    detail::require_steps(T, n, "diffusion::linspace_times");
    if (n == 1) return {static_cast<double>(T - 1)};
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i)
        times[i] = static_cast<double>(detail::rounded_ratio((n - 1 - i) * (T - 1), n - 1));
    return times;
}

/// floor(c k^2) for k = n-1 .. 0, dense near the data (Song, Meng, Ermon 2021, appendix D.2,
/// "quadratic"; c such that the noisiest is reach * T, 0.8 T in their experiments). Where the
/// parabola is too flat to give distinct integers, near the data, each time is moved up to the
/// first one that is free.
inline std::vector<double> quadratic_times(std::size_t T, std::size_t n, double reach = 0.8) {
    detail::require_steps(T, n, "diffusion::quadratic_times");
    detail::require(reach > 0 && reach <= 1, "diffusion::quadratic_times",
                    "reach must lie in (0, 1]", reach);
    const double last = static_cast<double>(T - 1), reached = reach * static_cast<double>(T);
    const double top = reached < last ? reached : last;
    if (n == 1) return {std::floor(top)};
    std::vector<double> times(n);
    double lowest_free = 0;
    for (std::size_t k = 0; k < n; ++k) {
        const double u = static_cast<double>(k) / static_cast<double>(n - 1);
        const double wanted = std::floor(top * u * u);
        times[n - 1 - k] = wanted > lowest_free ? wanted : lowest_free;
        lowest_free = times[n - 1 - k] + 1;
    }
    return times;
}

/// The grid of `leading_times`, ending at clean data.
template <discrete_noise_schedule S>
time_grid leading(const S& schedule, std::size_t n, std::size_t offset = 0) {
    return make_grid(schedule, leading_times(schedule.size(), n, offset));
}

/// The grid of `trailing_times`, ending at clean data.
template <discrete_noise_schedule S>
time_grid trailing(const S& schedule, std::size_t n) {
    return make_grid(schedule, trailing_times(schedule.size(), n));
}

/// The grid of `linspace_times`, ending at clean data.
template <discrete_noise_schedule S>
time_grid linspace(const S& schedule, std::size_t n) {
    return make_grid(schedule, linspace_times(schedule.size(), n));
}

/// The grid of `quadratic_times`, ending at clean data.
template <discrete_noise_schedule S>
time_grid quadratic(const S& schedule, std::size_t n, double reach = 0.8) {
    return make_grid(schedule, quadratic_times(schedule.size(), n, reach));
}

/// All T times, T-1 .. 0, then clean data: ancestral sampling as in Ho et al. (2020), algorithm 2.
template <discrete_noise_schedule S>
time_grid all_steps(const S& schedule) {
    return leading(schedule, schedule.size());
}

}  // namespace diffusion
