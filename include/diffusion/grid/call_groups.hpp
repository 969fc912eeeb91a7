#pragma once
// L2: which nodes of a grid belong to one step of a singlestep method.

#include <cstddef>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>

namespace diffusion {

/// How n evaluations are spent by a singlestep method of the given order: steps of `order`
/// evaluations as long as they last, then one of what is left; with order 3 and nothing left the
/// last step is split into 2 and 1 (Lu et al. 2022a, section 3.4, "DPM-Solver-fast"). Throws
/// std::invalid_argument for n = 0 and an order outside 1 .. 3.
inline std::vector<std::size_t> call_groups(std::size_t n, std::size_t order) {
    detail::require(n >= 1, "diffusion::call_groups", "at least one evaluation is needed", n);
    detail::require(order >= 1 && order <= 3, "diffusion::call_groups",
                    "the order must lie in 1 .. 3", order);
    std::vector<std::size_t> groups(n / order, order);
    if (n % order != 0) groups.push_back(n % order);
    else if (order == 3) {
        groups.back() = 2;
        groups.push_back(1);
    }
    return groups;
}

/// The same for the steps of a grid; one from alpha = 0 and one to clean data, if it has them,
/// stand alone, since lambda is infinite there.
inline std::vector<std::size_t> call_groups(const time_grid& fine, std::size_t order) {
    detail::require(fine.size() >= 2, "diffusion::call_groups", "a grid needs at least 2 nodes",
                    fine.size());
    const std::size_t n = fine.size() - 1, alone = fine.front().alpha == 0 ? 1 : 0;
    std::vector<std::size_t> groups;
    if (n > alone) groups = call_groups(n - alone, order);
    groups.insert(groups.begin(), alone, 1);
    if (fine.back().sigma == 0 && groups.back() > 1) {
        --groups.back();
        groups.push_back(1);
    }
    return groups;
}

/// The nodes of a grid between which its groups lie: step i of the result spans groups[i] steps of
/// `fine`. Throws std::invalid_argument unless the groups are positive and add up to the steps of
/// the grid.
inline time_grid coarse(const time_grid& fine, const std::vector<std::size_t>& groups) {
    constexpr const char* function = "diffusion::coarse";
    detail::require(!fine.empty(), function, "the grid must not be empty");
    time_grid grid{fine.front()};
    std::size_t i = 0;
    for (const std::size_t group : groups) {
        detail::require(group >= 1, function, "a group must not be empty, its number of steps",
                        group);
        detail::require(group < fine.size() - i, function,
                        "the groups must add up to the steps of the grid; one too large", group);
        grid.push_back(fine[i += group]);
    }
    detail::require(i + 1 == fine.size(), function,
                    "the groups must add up to the steps of the grid; their sum", i);
    return grid;
}

}  // namespace diffusion
