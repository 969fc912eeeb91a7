#pragma once

#include "robot_run.hpp"
#include "robot_task.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <vector>

namespace examples {

/// How many plans go right, through the obstacle and left.
inline std::array<std::size_t, 3> ways_of(const scene& s, const std::vector<planned>& plans) {
    std::array<std::size_t, 3> ways{};
    for (const planned& plan : plans) ++ways[std::size_t(1 + s.way(plan.actions))];
    return ways;
}

inline double median_milliseconds(const std::vector<planned>& plans) {
    std::vector<double> times;
    for (const planned& plan : plans) times.push_back(plan.milliseconds);
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

inline double mean_calls(const std::vector<planned>& plans) {
    double sum = 0;
    for (const planned& plan : plans) sum += double(plan.calls);
    return sum / double(plans.size());
}

inline void print_plans(const char* name, const scene& s, const std::vector<planned>& plans) {
    const auto [right, through, left] = ways_of(s, plans);
    const auto slowest = std::max_element(
        plans.begin(), plans.end(),
        [](const planned& a, const planned& b) { return a.milliseconds < b.milliseconds; });
    std::printf(
        "%-30s %4zu left, %4zu right, %3zu into the obstacle; %2.0f calls, %.2f ms "
        "(slowest %.2f)\n",
        name, left, right, through, mean_calls(plans), median_milliseconds(plans),
        slowest->milliseconds);
}

/// A line of the table of deadlines: fresh plans beside warm ones.
inline void print_deadline(double limit, const scene& s, const std::vector<planned>& fresh,
                           const std::vector<planned>& warm) {
    std::printf(
        "time is up after %.2f ms: fresh %4.1f calls, %3.0f %% into the obstacle; "
        "warm %.1f calls, %3.0f %%\n",
        limit, mean_calls(fresh), 100 * double(ways_of(s, fresh)[1]) / double(fresh.size()),
        mean_calls(warm), 100 * double(ways_of(s, warm)[1]) / double(warm.size()));
}

inline void print_run(const robot_run& run) {
    std::printf(
        "a run of %zu actions, with a push after %zu, ends %.3f from the goal; a plan took "
        "%.2f ms\n",
        run.plans().size(), robot_run::pushed, run.distance_to_goal(),
        median_milliseconds(run.plans()));
}

}  // namespace examples
