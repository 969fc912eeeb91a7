#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace examples {

/// Spherical interpolation (Shoemake 1985; Song, Meng, Ermon 2021, eq. 67):
///
///     sin((1 - u) theta)/sin(theta) a + sin(u theta)/sin(theta) b,     cos(theta) = a b/(|a| |b|).
///
/// Noise between two noises: in many dimensions N(0, I) lies close to a sphere, and the straight
/// way leaves it. Where a and b point the same way, the straight way is the limit. Throws
/// std::invalid_argument for unequal sizes.
inline std::vector<float> slerp(std::span<const float> a, std::span<const float> b, double u) {
    if (a.size() != b.size())
        throw std::invalid_argument("examples::slerp: a and b must have one size, got " +
                                    std::to_string(b.size()));
    double aa = 0, ab = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        aa += double(a[i]) * double(a[i]);
        ab += double(a[i]) * double(b[i]);
        bb += double(b[i]) * double(b[i]);
    }
    // sin from the part of b that is at right angles to a: exact for small angles, too.
    const double sine = std::sqrt(std::max(0.0, aa * bb - ab * ab));
    const double theta = std::atan2(sine, ab);
    double of_a = 1 - u, of_b = u;
    if (theta > 1e-6) {
        of_a = std::sin((1 - u) * theta) / std::sin(theta);
        of_b = std::sin(u * theta) / std::sin(theta);
    }
    std::vector<float> between(a.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        between[i] = float(of_a * double(a[i]) + of_b * double(b[i]));
    return between;
}

}  // namespace examples
