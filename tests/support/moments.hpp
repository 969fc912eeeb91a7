#pragma once

#include <vector>

namespace support {

struct moments {
    double mean = 0, variance = 0;
};

/// Mean and variance (over n, not n - 1) of the elements.
inline moments moments_of(const std::vector<double>& x) {
    moments m;
    const double n = static_cast<double>(x.size());
    for (const double e : x) m.mean += e / n;
    for (const double e : x) m.variance += (e - m.mean) * (e - m.mean) / n;
    return m;
}

}  // namespace support
