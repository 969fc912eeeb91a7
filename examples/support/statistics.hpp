#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace examples {

inline double mean(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / double(values.size());
}

/// sum (a - mean a)(b - mean b) / n.
inline double covariance(std::span<const double> a, std::span<const double> b) {
    const double mean_a = mean(a), mean_b = mean(b);
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
    return sum / double(a.size());
}

inline double standard_deviation(std::span<const double> values) {
    return std::sqrt(covariance(values, values));
}

/// Pearson's correlation, -1 to 1.
inline double correlation(std::span<const double> a, std::span<const double> b) {
    return covariance(a, b) / (standard_deviation(a) * standard_deviation(b));
}

/// The Kolmogorov-Smirnov distance of two samples: the largest gap between their empirical
/// distribution functions, 0 to 1. Values that occur in both are counted on both sides first.
inline double ks_distance(std::vector<double> a, std::vector<double> b) {
    if (a.empty() || b.empty())
        throw std::invalid_argument("examples::ks_distance: needs two samples, got an empty one");
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    double gap = 0;
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        const double x = std::min(a[i], b[j]);
        while (i < a.size() && a[i] == x) ++i;
        while (j < b.size() && b[j] == x) ++j;
        gap = std::max(gap, std::abs(double(i) / double(a.size()) - double(j) / double(b.size())));
    }
    return gap;
}

/// What two samples of one distribution exceed in only 1 of 1000 cases, for large samples:
/// sqrt(-log(0.001 / 2) / 2) sqrt((n + m) / (n m))  (Smirnov 1948).
inline double ks_limit(std::size_t n, std::size_t m) {
    const double size = double(n) * double(m) / double(n + m);
    return std::sqrt(-0.5 * std::log(0.0005) / size);
}

}  // namespace examples
