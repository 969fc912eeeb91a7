#pragma once
// How many dimensions data has of its own, whatever the number of its coordinates.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/manifold/nearest.hpp>

namespace diffusion {

/// The dimension m of the manifold on which points lie, by the distances T_1 <= ... <= T_k of each
/// to its k nearest others. Where points are spread evenly in m dimensions, their number within r
/// grows as r^m, and the likelihood of the distances is greatest for
///
///     1/m(x) = 1/(k - 1) sum_{j < k} log(T_k(x)/T_j(x))        (Levina and Bickel 2004)
///
/// The inverses are averaged over the points, not the dimensions, which is the maximum of the
/// likelihood of all (MacKay and Ghahramani 2005). A small k keeps to where the manifold is flat, a
/// large one makes the estimate steady; with few points in many dimensions it is too low, since the
/// nearest ones are then as far as the manifold's edge.
///
/// `points` holds `items` points, one behind the other. Throws std::invalid_argument for k < 2,
/// fewer than k + 1 points, and two points that are the same, whose distance has no logarithm.
template <class T>
double intrinsic_dimension(std::span<const T> points, std::size_t items, std::size_t k = 10) {
    constexpr const char* function = "diffusion::intrinsic_dimension";
    detail::require(k >= 2, function, "at least 2 neighbours are needed", k);
    detail::require(items > k, function, "there must be more points than neighbours", items);
    detail::require(!points.empty() && points.size() % items == 0, function,
                    "the number of points must divide the number of elements", points.size());
    const std::size_t d = points.size() / items;
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        const auto found = nearest(points, points.subspan(i * d, d), k, i);
        detail::require(found[0].distance > 0, function, "no two points may be the same; point", i);
        for (std::size_t j = 0; j + 1 < k; ++j)
            sum += std::log(found[k - 1].distance / found[j].distance);
    }
    return static_cast<double>(items * (k - 1)) / sum;
}

}  // namespace diffusion
