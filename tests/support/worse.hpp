#pragma once
// The largest of many errors, for tests that hold it to a bound.

#include <algorithm>
#include <cmath>
#include <limits>

namespace support {

/// The larger of two errors, where NaN counts as infinite: std::max(worst, error) passes over an
/// error that is NaN, and so would the test.
inline double worse(double worst, double error) {
    const bool lost = std::isnan(worst) || std::isnan(error);
    return lost ? std::numeric_limits<double>::infinity() : std::max(worst, error);
}

}  // namespace support
