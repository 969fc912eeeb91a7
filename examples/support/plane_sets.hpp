#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/random/fill.hpp>

namespace examples {

/// The checkerboard of Lipman et al. (2023, figure 4): uniform on the eight dark squares of a board
/// of 4 x 4, [-2, 2] along both axes. Point `number` of `seed` is a function of the two.
inline void draw_checkerboard(std::span<float> out, std::uint64_t seed, std::uint64_t number) {
    std::array<double, 3> u{};
    diffusion::fill_uniform<double>(u, seed, {diffusion::noise_stream::data, number, 1});
    const double x = 4 * u[0];
    const double row = std::min(std::floor(2 * u[2]), 1.0);  // of the two dark squares in a column
    out[0] = float(x - 2);
    out[1] = float(2 * row + std::fmod(std::floor(x), 2) + u[1] - 2);
}

/// Whether a point lies on a dark square.
inline bool on_checkerboard(float x, float y) {
    if (!(std::abs(x) < 2 && std::abs(y) < 2)) return false;
    return (int(std::floor(x)) + int(std::floor(y))) % 2 == 0;
}

/// Points first, first + 1, ... of the board, one behind the other.
inline std::vector<float> checkerboard_points(std::size_t count, std::uint64_t seed,
                                              std::uint64_t first = 0) {
    std::vector<float> points(2 * count);
    for (std::size_t i = 0; i < count; ++i)
        draw_checkerboard(std::span<float>(points).subspan(2 * i, 2), seed, first + i);
    return points;
}

/// The energy distance of two sets of points in the plane (Szekely and Rizzo 2004),
///
///     2 E|X - Y| - E|X - X'| - E|Y - Y'|,
///
/// with all pairs, also each point with itself: never negative, and not 0 for two sets of one
/// distribution, but about (1/n + 1/m) E|X - X'|. That floor has to be stated beside it.
inline double energy_distance(std::span<const float> a, std::span<const float> b) {
    if (a.empty() || b.empty())
        throw std::invalid_argument("examples::energy_distance: needs two sets, got an empty one");
    const auto mean_distance = [](std::span<const float> p, std::span<const float> q) {
        double sum = 0;
        for (std::size_t i = 0; i < p.size(); i += 2) {
            float row = 0;
            for (std::size_t j = 0; j < q.size(); j += 2) {
                const float x = p[i] - q[j], y = p[i + 1] - q[j + 1];
                row += std::sqrt(x * x + y * y);
            }
            sum += double(row);
        }
        return sum / (0.25 * double(p.size()) * double(q.size()));
    };
    return 2 * mean_distance(a, b) - mean_distance(a, a) - mean_distance(b, b);
}

}  // namespace examples
