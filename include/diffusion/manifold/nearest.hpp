#pragma once
// The nearest of many points, by looking at all of them.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// A point of a set, and how far away it is.
struct neighbour {
    double distance;  ///< Euclidean
    std::size_t index;
};

/// No point of a set.
inline constexpr std::size_t no_point = std::numeric_limits<std::size_t>::max();

/// The k points nearest to x, nearest first, all but the point `left_out` (x itself, where x is one
/// of them). `points` lie one behind the other, each as long as x. Throws std::invalid_argument
/// unless their number is whole, k of them are there, and all distances are numbers.
template <class T>
std::vector<neighbour> nearest(std::span<const T> points, std::span<const T> x, std::size_t k,
                               std::size_t left_out = no_point) {
    constexpr const char* function = "diffusion::nearest";
    detail::require(!x.empty() && points.size() % x.size() == 0, function,
                    "the points must be as long as x; number of elements", points.size());
    const std::size_t count = points.size() / x.size();
    detail::require(k + (left_out < count ? 1 : 0) <= count, function,
                    "there must be as many points as neighbours are asked for", k);
    std::vector<neighbour> found;
    found.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (i == left_out) continue;
        T square = 0;
        const T* p = points.data() + i * x.size();
        for (std::size_t e = 0; e < x.size(); ++e) square += (p[e] - x[e]) * (p[e] - x[e]);
        detail::require(!std::isnan(square), function,
                        "points must be numbers, their squared distance too", square);
        found.push_back({std::sqrt(static_cast<double>(square)), i});
    }
    std::partial_sort(
        found.begin(), found.begin() + static_cast<std::ptrdiff_t>(k), found.end(),
        [](const neighbour& a, const neighbour& b) { return a.distance < b.distance; });
    found.resize(k);
    return found;
}

}  // namespace diffusion
