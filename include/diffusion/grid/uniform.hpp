#pragma once
// L2: grids on a continuous time axis, for any schedule.

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>

namespace diffusion {

/// n steps evenly spaced in t, from t_first down to t_last. Where t_last still has noise (sigma >
/// 0), it is the last time at which the network is asked and a step to clean data follows;
/// otherwise it is the end itself.
template <noise_schedule S>
time_grid uniform_time(const S& schedule, std::size_t n, double t_first, double t_last) {
    detail::require(n >= 1, "diffusion::uniform_time", "the number of steps must be at least 1", n);
    detail::require(t_first > t_last, "diffusion::uniform_time", "t_first must exceed t_last",
                    t_first);
    const std::size_t intervals = schedule(t_last).sigma > 0 ? n - 1 : n;
    std::vector<double> times{t_first};
    for (std::size_t i = 1; i <= intervals; ++i) {
        const double u = static_cast<double>(i) / static_cast<double>(intervals);
        times.push_back((1 - u) * t_first + u * t_last);
    }
    return make_grid(schedule, times);
}
template <noise_schedule S>
time_grid uniform_time(const S& schedule, std::size_t n) {
    return uniform_time(schedule, n, schedule.t_max(), schedule.t_min());
}

/// The time at which a schedule has the given lambda, by bisection to the last bit. Throws
/// std::invalid_argument if no time in [t_min, t_max] has it.
template <noise_schedule S>
double time_of_lambda(const S& schedule, double lambda) {
    double noisy = schedule.t_max(), clean = schedule.t_min();
    detail::require(lambda >= schedule(noisy).lambda && lambda <= schedule(clean).lambda,
                    "diffusion::time_of_lambda", "lambda must lie between those of t_max and t_min",
                    lambda);
    for (;;) {
        const double middle = 0.5 * (noisy + clean);
        if (middle == noisy || middle == clean) break;
        (schedule(middle).lambda < lambda ? noisy : clean) = middle;
    }
    return std::abs(schedule(noisy).lambda - lambda) < std::abs(schedule(clean).lambda - lambda)
               ? noisy
               : clean;
}

/// n steps: n times evenly spaced in lambda, from t_first down to t_last, then clean data. The grid
/// on which exponential integrators have equal steps (Lu et al. 2022, section 3.3). Both ends need
/// a finite lambda.
template <noise_schedule S>
time_grid uniform_lambda(const S& schedule, std::size_t n, double t_first, double t_last,
                         grid_end end = grid_end::clean) {
    detail::require(n >= 1, "diffusion::uniform_lambda", "the number of steps must be at least 1",
                    n);
    const double first = schedule(t_first).lambda, last = schedule(t_last).lambda;
    detail::require(std::isfinite(first), "diffusion::uniform_lambda",
                    "lambda must be finite at t_first", first);
    detail::require(std::isfinite(last), "diffusion::uniform_lambda",
                    "lambda must be finite at t_last", last);
    const std::size_t intervals = end == grid_end::clean ? n - 1 : n;
    std::vector<double> times{t_first};
    for (std::size_t i = 1; i <= intervals; ++i) {
        const double u = static_cast<double>(i) / static_cast<double>(intervals);
        times.push_back(i == intervals ? t_last
                                       : time_of_lambda(schedule, (1 - u) * first + u * last));
    }
    return make_grid(schedule, times, end);
}

}  // namespace diffusion
