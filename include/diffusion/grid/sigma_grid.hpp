#pragma once
// L2: grids of a list of noise levels rho = sigma/alpha, on any schedule.

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// The time that the network is told at a level between those of two integer times: the fractional
/// one, or an integer that it was trained on (nearest: halves to even; below: rounded down).
enum class told_time { exact, nearest, below };

/// What happens to levels noisier or cleaner than any of the schedule: an exception, or the network
/// is told the schedule's noisiest or cleanest time while the state has the level asked for.
enum class outside_range { refuse, hold_time };

/// How a list of levels becomes a grid.
struct sigma_grid_options {
    grid_end end = grid_end::clean;
    told_time told = told_time::exact;
    outside_range outside = outside_range::refuse;
};

/// The levels rho = sigma/alpha between which a schedule runs from t_first (noisier) to t_last.
/// Throws std::invalid_argument unless both are finite and positive: a schedule that begins at
/// clean data or ends at pure noise needs times inside.
template <noise_schedule S>
sigma_range sigma_range_of(const S& schedule, double t_first, double t_last) {
    const sigma_range range{noise_to_signal(schedule(t_last)), noise_to_signal(schedule(t_first))};
    detail::require(range.lowest > 0, "diffusion::sigma_range_of",
                    "sigma/alpha must be positive at t_last; choose a later one", range.lowest);
    detail::require(range.highest < std::numeric_limits<double>::infinity(),
                    "diffusion::sigma_range_of",
                    "sigma/alpha must be finite at t_first; choose an earlier one", range.highest);
    detail::require(range.highest > range.lowest, "diffusion::sigma_range_of",
                    "t_first must be noisier than t_last; sigma/alpha is wrong", range.highest);
    return range;
}
template <noise_schedule S>
sigma_range sigma_range_of(const S& schedule) {
    return sigma_range_of(schedule, schedule.t_max(), schedule.t_min());
}

namespace detail {

/// The curve in the (alpha, sigma) plane that a schedule follows, told by one of its levels.
enum class level_curve { exploding, preserving, straight, other };

inline level_curve curve_through(const noise_level& level) {
    const auto is_one = [](double v) { return std::abs(v - 1) <= 8e-16; };
    if (level.alpha == 1) return level_curve::exploding;
    if (is_one(level.alpha * level.alpha + level.sigma * level.sigma))
        return level_curve::preserving;
    if (is_one(level.alpha + level.sigma)) return level_curve::straight;
    return level_curve::other;
}

/// The level of ratio rho on a known curve; lambda is exact where that of a rounded time is not.
inline noise_level level_on(level_curve curve, double rho) {
    const double alpha = curve == level_curve::exploding    ? 1
                         : curve == level_curve::preserving ? 1 / std::hypot(1.0, rho)
                                                            : 1 / (1 + rho);
    return {alpha, rho * alpha, -std::log(rho)};
}

inline double told(double t, told_time how) {
    return how == told_time::exact     ? t
           : how == told_time::nearest ? std::nearbyint(t)
                                       : std::floor(t);
}

}  // namespace detail

/// The node of a schedule at which sigma/alpha is rho: the time by inverting lambda(t) (for a
/// discrete schedule log(sigma/alpha) is linear in t between two integers), and exactly that level.
/// A schedule that is neither variance preserving, nor exploding, nor a straight line cannot be
/// continued outside of its range.
template <noise_schedule S>
node node_at_sigma(const S& schedule, double rho, told_time told = told_time::exact,
                   outside_range outside = outside_range::refuse) {
    constexpr const char* function = "diffusion::node_at_sigma";
    detail::require(rho > 0 && rho < std::numeric_limits<double>::infinity(), function,
                    "sigma/alpha must be finite and positive", rho);
    const double lambda = -std::log(rho);
    // An end of the schedule is met even if the logarithm was rounded to beyond it.
    const double rounding = 16 * std::numeric_limits<double>::epsilon() * (1 + std::abs(lambda));
    const double noisiest = schedule(schedule.t_max()).lambda;
    const double cleanest = schedule(schedule.t_min()).lambda;
    double t;
    if (lambda <= noisiest + rounding) t = schedule.t_max();
    else if (lambda >= cleanest - rounding) t = schedule.t_min();
    else t = time_of_lambda(schedule, lambda);
    const bool inside = lambda >= noisiest - rounding && lambda <= cleanest + rounding;
    detail::require(inside || outside == outside_range::hold_time, function,
                    "sigma/alpha must lie within the schedule's range, unless "
                    "outside_range::hold_time is asked for",
                    rho);
    noise_level level = schedule(t);
    const detail::level_curve curve = detail::curve_through(level);
    detail::require(inside || curve != detail::level_curve::other, function,
                    "this schedule cannot be continued outside of its range to sigma/alpha", rho);
    if (curve != detail::level_curve::other) level = detail::level_on(curve, rho);
    return {detail::told(t, told), level.alpha, level.sigma, level.lambda};
}

/// `node_at_sigma` on a schedule of its own: the nodes of a schedule by rho, for methods that ask
/// the network between or above the nodes of the grid.
template <noise_schedule S>
struct nodes_of {
    S schedule;
    told_time told = told_time::exact;
    outside_range outside = outside_range::refuse;

    node operator()(double rho) const { return node_at_sigma(schedule, rho, told, outside); }
};
template <noise_schedule S>
nodes_of(S) -> nodes_of<S>;
template <noise_schedule S>
nodes_of(S, told_time) -> nodes_of<S>;
template <noise_schedule S>
nodes_of(S, told_time, outside_range) -> nodes_of<S>;

/// The grid of a list of levels rho = sigma/alpha, noisiest first, by default with a step to clean
/// data behind the last. The list may come from <diffusion/grid/sigmas.hpp> or be your own; n steps
/// take n levels, or n + 1 with grid_end::last_time, where the last level is reached but no network
/// is asked there ("final sigma = sigma_min"). A 0 at the end stands for clean data. Told times
/// that are rounded may repeat; levels never do. Throws std::invalid_argument unless the levels are
/// finite, fall strictly and make at least one step.
template <noise_schedule S>
time_grid grid_of_sigmas(const S& schedule, std::span<const double> sigmas,
                         const sigma_grid_options& options = {}) {
    constexpr const char* function = "diffusion::grid_of_sigmas";
    const bool ends_clean = !sigmas.empty() && sigmas.back() == 0;
    const std::span<const double> levels = sigmas.first(sigmas.size() - (ends_clean ? 1 : 0));
    detail::require(!levels.empty(), function, "at least one positive noise level is needed",
                    levels.size());
    time_grid grid;
    grid.reserve(levels.size() + 1);
    double noisier = std::numeric_limits<double>::infinity();
    for (const double rho : levels) {
        detail::require(rho < noisier, function,
                        "noise levels must be finite and fall strictly, noisiest first", rho);
        grid.push_back(node_at_sigma(schedule, rho, options.told, options.outside));
        noisier = rho;
    }
    if (ends_clean || options.end == grid_end::clean) grid.push_back(clean_node(schedule));
    detail::require(grid.size() >= 2, function, "a grid needs at least 2 nodes", grid.size());
    return grid;
}
template <noise_schedule S>
time_grid grid_of_sigmas(const S& schedule, std::initializer_list<double> sigmas,
                         const sigma_grid_options& options = {}) {
    return grid_of_sigmas(schedule, std::span<const double>(sigmas.begin(), sigmas.size()),
                          options);
}

/// sigma/alpha of a discrete schedule at any t in [0, T-1], linear in t between two integers. (Its
/// own levels have log(sigma/alpha) linear; the references' Euler and Heun have either.)
template <discrete_noise_schedule S>
double linear_sigma(const S& schedule, double t) {
    const double low = noise_to_signal(schedule(std::floor(t)));
    if (t == std::floor(t)) return low;
    const double part = t - std::floor(t);
    return (1 - part) * low + part * noise_to_signal(schedule(std::floor(t) + 1));
}

/// The grid of a list of times, fractional ones too, with the levels of `linear_sigma`.
template <discrete_noise_schedule S>
time_grid linear_sigma_grid(const S& schedule, std::span<const double> times,
                            grid_end end = grid_end::clean) {
    time_grid grid = make_grid(schedule, times, end);
    for (node& n : grid) {
        if (n.t == std::floor(n.t)) continue;
        const detail::level_curve curve = detail::curve_through(n);
        detail::require(curve != detail::level_curve::other, "diffusion::linear_sigma_grid",
                        "the schedule must be variance preserving or exploding; t", n.t);
        const double rho = linear_sigma(schedule, n.t);
        const noise_level level = detail::level_on(curve, rho);
        n = {n.t, level.alpha, level.sigma, level.lambda};
    }
    return grid;
}

}  // namespace diffusion
