#pragma once
// L2: which noise levels a score network is trained on and how it walks through them, as numbers
// alone: techniques 1, 2 and 4 of NCSNv2 (Song and Ermon 2020, "Improved Techniques for Training
// Score-Based Generative Models"). Technique 3 is `nn::untold`, technique 5 is `nn::ema`.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/sigmas.hpp>

namespace diffusion {

/// Technique 1: the largest sigma is the largest Euclidean distance between two of the data, so
/// that a chain may go from any to any other. `data` holds `items` points, one behind the other;
/// n(n-1)/2 distances are looked at, so give a part of a large set. Throws std::invalid_argument
/// unless there are at least 2 items, which divide the numbers, all of which are finite.
template <class T>
double largest_distance(std::span<const T> data, std::size_t items) {
    constexpr const char* function = "diffusion::largest_distance";
    detail::require(items >= 2, function, "a distance needs at least 2 items", items);
    detail::require(!data.empty() && data.size() % items == 0, function,
                    "the number of items must divide the number of elements", data.size());
    for (const T x : data) detail::require(std::isfinite(x), function, "data must be finite", x);
    const std::size_t d = data.size() / items;
    double largest = 0;
    for (std::size_t i = 1; i < items; ++i)
        for (std::size_t j = 0; j < i; ++j) {
            T square = 0;
            for (std::size_t e = 0; e < d; ++e) {
                const T difference = data[i * d + e] - data[j * d + e];
                square += difference * difference;
            }
            largest = std::max(largest, static_cast<double>(square));
        }
    return std::sqrt(largest);
}

/// How much of what one level draws lies where the next noisier one, `ratio` times as noisy, has
/// 99.7 % of its points. In D dimensions the distance r from the data is about N(sqrt(D) sigma,
/// sigma^2/2) (proposition 2), so the share within three deviations of the other's mean is
///
///     Phi(sqrt(2D)(gamma - 1) + 3 gamma) - Phi(sqrt(2D)(gamma - 1) - 3 gamma)     technique 2
inline double level_overlap(double dimension, double ratio) {
    constexpr const char* function = "diffusion::level_overlap";
    detail::require(dimension >= 1 && std::isfinite(dimension), function,
                    "the number of dimensions must be finite and at least 1", dimension);
    detail::require(ratio >= 1 && std::isfinite(ratio), function,
                    "the ratio of two levels must be finite and at least 1", ratio);
    const double middle = std::sqrt(2 * dimension) * (ratio - 1), reach = 3 * ratio;
    // Phi(b) - Phi(a) = Q(a) - Q(b) with the upper tail Q, which keeps its digits for large a.
    const auto upper_tail = [](double u) { return 0.5 * std::erfc(u / std::numbers::sqrt2); };
    return upper_tail(middle - reach) - upper_tail(middle + reach);
}

/// Technique 2: the ratio gamma of two levels at which they overlap by so much, `level_overlap` =
/// 0.5 in the paper. Throws std::invalid_argument for an overlap outside of (0, 0.997), and in
/// fewer than 5 dimensions, where 3 gamma exceeds sqrt(2D)(gamma - 1) for all gamma: levels always
/// overlap there, and any ratio will do.
inline double level_ratio(double dimension, double overlap = 0.5) {
    constexpr const char* function = "diffusion::level_ratio";
    detail::require(dimension >= 5, function,
                    "in fewer than 5 dimensions all levels overlap, choose any ratio; dimensions",
                    dimension);
    detail::require(overlap > 0 && overlap < 0.997, function, "the overlap must lie in (0, 0.997)",
                    overlap);
    double low = 1, high = 2;  // the overlap rises a little behind 1, and then falls to 0
    while (level_overlap(dimension, high) > overlap) high *= 2;
    for (;;) {
        const double middle = 0.5 * (low + high);
        if (middle == low || middle == high) return middle;
        (level_overlap(dimension, middle) > overlap ? low : high) = middle;
    }
}

/// The geometric progression from the highest level to the lowest with the fewest levels whose
/// ratio does not exceed `ratio`.
inline std::vector<double> geometric_sigmas(const sigma_range& range, double ratio) {
    constexpr const char* function = "diffusion::geometric_sigmas";
    detail::require_sigmas(2, range, function);
    detail::require(ratio > 1 && std::isfinite(ratio), function,
                    "the ratio of two levels must be finite and exceed 1", ratio);
    // A ratio that fits up to rounding takes no further level.
    const double steps = std::log(range.highest / range.lowest) / std::log(ratio);
    return exponential_sigmas(static_cast<std::size_t>(std::ceil(steps - 1e-9)) + 1, range);
}

/// What annealed Langevin dynamics makes of the variance (proposition 3): where the data is
/// one point, it enters level i with variance gamma^2 sigma_i^2, and T moves of length alpha_i =
/// epsilon sigma_i^2/sigma_L^2 leave s_T^2 with
///
///     s_T^2/sigma_i^2 = (1 - e)^{2T} (gamma^2 - u) + u,     e = epsilon/sigma_L^2,
///     u = 2e/(1 - (1 - e)^2) = 1/(1 - e/2),
///
/// u being where it would end. 1 would be perfect; it is always more, for gamma > 1.
inline double langevin_variance(double ratio, double step_size, std::size_t steps) {
    constexpr const char* function = "diffusion::langevin_variance";
    detail::require(ratio >= 1 && std::isfinite(ratio), function,
                    "the ratio of two levels must be finite and at least 1", ratio);
    detail::require(step_size > 0 && step_size < 2, function,
                    "the step size epsilon/sigma_L^2 must lie in (0, 2)", step_size);
    const double end = 1 / (1 - 0.5 * step_size);
    const double kept = std::pow(1 - step_size, 2 * static_cast<double>(steps));
    return kept * (ratio * ratio - end) + end;
}

/// Technique 4: for T moves at each level, T as large as one can afford, the step size e =
/// epsilon/sigma_L^2 for which `langevin_variance` comes closest to 1. Throws std::invalid_argument
/// unless ratio > 1 and T >= 1.
inline double langevin_step_size(double ratio, std::size_t steps) {
    constexpr const char* function = "diffusion::langevin_step_size";
    detail::require(ratio > 1 && std::isfinite(ratio), function,
                    "the ratio of two levels must be finite and exceed 1", ratio);
    detail::require(steps >= 1, function, "the number of moves at a level must be at least 1",
                    steps);
    // The derivative of (1 - w) u + w gamma^2, w = (1 - e)^{2T}, is u' (1 - w) + w' (gamma^2 - u)
    // with u' = u^2/2 and w' = -2T (1 - e)^{2T-1}: negative at 0, positive at 1. Divided by -w' u'
    // the first part rises with e from 0, and the second falls, so there is one zero between.
    const double T = static_cast<double>(steps);
    double low = 0, high = 1;
    for (;;) {
        const double e = 0.5 * (low + high);
        if (e == low || e == high) return e;
        const double u = 1 / (1 - 0.5 * e), w = std::pow(1 - e, 2 * T);
        const double slope =
            0.5 * u * u * (1 - w) - 2 * T * std::pow(1 - e, 2 * T - 1) * (ratio * ratio - u);
        (slope < 0 ? low : high) = e;
    }
}

}  // namespace diffusion
