#define SUPPORT_COUNTING_NEW_IMPLEMENTATION
#include "backends/suite.hpp"

#include <array>

#include <diffusion/tensor/span.hpp>

double suite::answer(double x, double t) { return std::sin(1.3 * x) + 1e-3 * t; }

TEST_CASE_TEMPLATE("vectors and arrays are tensors, and give the same runs", X, std::vector<float>,
                   std::vector<double>, std::array<float, 12>, std::array<double, 12>) {
    X x{};
    if constexpr (requires { x.resize(12); }) x.resize(12);
    suite::check_tensor(x);
    suite::check_runs(x);
}

TEST_CASE_TEMPLATE("a run on a span is a run on the memory behind it", T, float, double) {
    std::vector<T> memory(12);
    suite::check_tensor(std::span<T>(memory));
    suite::check_runs(std::span<T>(memory));
}
