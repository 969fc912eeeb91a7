#pragma once
// L2: the noise levels that a sampler visits, noisiest first. A step always runs from node t (now,
// noisier) to node s (next, cleaner); n network evaluations take n + 1 nodes, the last one clean
// data.

#include <cmath>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// One visited time: what the network is told (t) and the noise level of the state there.
struct node {
    double t, alpha, sigma, lambda;

    constexpr operator noise_level() const { return {alpha, sigma, lambda}; }
    friend constexpr bool operator==(const node&, const node&) = default;
};

/// The nodes of a run, noisiest first. Steps are counted by index, so that "the previous time"
/// never has to be guessed.
using time_grid = std::vector<node>;

/// The node of a schedule at time t.
template <noise_schedule S>
node node_at(const S& schedule, double t) {
    const noise_level level = schedule(t);
    return {t, level.alpha, level.sigma, level.lambda};
}

/// The node of clean data, at a time below all others: t = 0 where that is below t_min or where the
/// schedule is clean itself, otherwise t_min - 1, which is -1 where times are counted 0 .. T-1.
/// Networks are never asked there.
template <noise_schedule S>
node clean_node(const S& schedule) {
    const double t_min = schedule.t_min();
    const double t = t_min > 0 ? 0 : schedule(t_min).sigma > 0 ? t_min - 1 : t_min;
    return {t, clean_data.alpha, clean_data.sigma, clean_data.lambda};
}

/// How a grid ends: with a step to clean data behind the listed times, or at the last listed time
/// (which is then reached; only singlestep rules such as `heun` ask the network there).
enum class grid_end { clean, last_time };

/// The grid of a list of times, noisiest first. A list whose last time has sigma = 0 is complete as
/// it stands. Throws std::invalid_argument unless the times fall strictly and there is at least one
/// step.
template <noise_schedule S>
time_grid make_grid(const S& schedule, std::span<const double> times,
                    grid_end end = grid_end::clean) {
    detail::require(!times.empty(), "diffusion::make_grid", "at least one time is needed",
                    times.size());
    time_grid grid;
    grid.reserve(times.size() + 1);
    for (const double t : times) {
        detail::require(std::isfinite(t), "diffusion::make_grid", "times must be finite", t);
        detail::require(grid.empty() || t < grid.back().t, "diffusion::make_grid",
                        "times must fall strictly, noisiest first", t);
        grid.push_back(node_at(schedule, t));
    }
    if (end == grid_end::clean && grid.back().sigma > 0) grid.push_back(clean_node(schedule));
    detail::require(grid.size() >= 2, "diffusion::make_grid", "a grid needs at least 2 nodes",
                    grid.size());
    return grid;
}
template <noise_schedule S>
time_grid make_grid(const S& schedule, std::initializer_list<double> times,
                    grid_end end = grid_end::clean) {
    return make_grid(schedule, std::span<const double>(times.begin(), times.size()), end);
}

/// The part of a grid that img2img runs: with strength in (0, 1] the last floor(strength n) of the
/// n steps, so that 1 keeps all of them. The given picture is first noised to the level of the
/// result's first node (`q_sample`). Throws std::invalid_argument where not one step would be left.
inline time_grid start_at(const time_grid& grid, double strength) {
    detail::require(strength > 0 && strength <= 1, "diffusion::start_at",
                    "strength must lie in (0, 1]", strength);
    detail::require(grid.size() >= 2, "diffusion::start_at", "a grid needs at least 2 nodes",
                    grid.size());
    const auto kept = static_cast<std::size_t>(static_cast<double>(grid.size() - 1) * strength);
    detail::require(kept >= 1, "diffusion::start_at", "this strength leaves no step of the grid",
                    strength);
    return time_grid(grid.end() - static_cast<std::ptrdiff_t>(kept + 1), grid.end());
}

/// The same levels visited from data to noise, for DDIM inversion (Song, Meng, Ermon 2021, section
/// 4.3; Dhariwal and Nichol 2021, appendix F). On each interval the network is told the time of the
/// noisier end, since the clean end need not be one that it knows. Use it with `ddim_inversion`.
inline time_grid inverted(const time_grid& grid) {
    time_grid inverse(grid.rbegin(), grid.rend());
    for (std::size_t i = 0; i + 1 < inverse.size(); ++i) inverse[i].t = inverse[i + 1].t;
    return inverse;
}

namespace detail {

/// At least two nodes, with finite levels.
inline void require_levels(const time_grid& grid, const char* function) {
    require(grid.size() >= 2, function, "a grid needs at least 2 nodes", grid.size());
    for (const node& n : grid) {
        require(std::isfinite(n.t), function, "the times of a grid must be finite", n.t);
        require(std::isfinite(n.alpha) && n.alpha >= 0, function,
                "alpha must be finite and not negative", n.alpha);
        require(std::isfinite(n.sigma) && n.sigma >= 0, function,
                "sigma must be finite and not negative", n.sigma);
    }
}

/// What every sampler asks of its grid: at least two nodes, finite levels, and lambda strictly
/// monotone: rising when it runs from noise to data, falling in an inversion.
inline void require_grid(const time_grid& grid, const char* function) {
    require_levels(grid, function);
    const bool rising = grid.back().lambda > grid.front().lambda;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const double t = grid[i].lambda, s = grid[i + 1].lambda;
        require(rising ? s > t : s < t, function,
                "the noise level must fall strictly from node to node; lambda does not", s);
    }
}

/// The same for those that cannot go backwards.
inline void require_denoising(const time_grid& grid, const char* function) {
    require_grid(grid, function);
    const double rise = grid.back().lambda - grid.front().lambda;
    require(rise > 0, function, "the grid must run from noise to data; lambda rises by", rise);
}

/// What a rule asks that holds a schedule of its own: that the grid was made on it.
template <noise_schedule S>
void require_own(const S& schedule, const node& n, const char* function) {
    const double off = std::abs(schedule(n.t).lambda - n.lambda);
    require(off <= 1e-9 * (1 + std::abs(n.lambda)), function,
            "the grid must be made on the rule's schedule, with its times; lambda is off by", off);
}

}  // namespace detail

template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os, const node& n) {
    return os << "t " << n.t << ", " << static_cast<noise_level>(n);
}

}  // namespace diffusion
