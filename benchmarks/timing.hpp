#pragma once
// What the benchmarks share. They compare two things in turn within one run and report medians of
// ratios: on a busy machine single times mean nothing.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace benchmarks {

/// Wall-clock seconds that f() takes.
template <class F>
double seconds(F&& f) {
    const auto start = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The (upper) median of some values, at least one.
inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace benchmarks
