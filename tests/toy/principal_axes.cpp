#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/toy/principal_axes.hpp>
#include <support/refusal.hpp>

using diffusion::axes_of;
using doctest::Approx;

TEST_CASE("a symmetric matrix is the sum of its axes, and these are orthonormal") {
    const std::size_t d = 5;
    std::vector<double> c(d * d);
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j <= i; ++j)
            c[i * d + j] = c[j * d + i] = std::sin(1.7 * double(i) + 0.3 * double(j * j + 1));
    const auto [variances, axes] = axes_of(c, d);
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j < d; ++j) {
            double sum = 0, inner = 0;
            for (std::size_t k = 0; k < d; ++k) {
                sum += variances[k] * axes[k * d + i] * axes[k * d + j];
                inner += axes[i * d + k] * axes[j * d + k];
            }
            CHECK(std::abs(sum - c[i * d + j]) < 1e-14);
            CHECK(std::abs(inner - (i == j ? 1 : 0)) < 1e-14);
        }
}

TEST_CASE("two elements with correlation 0.8 have the axes (1, 1) and (1, -1)") {
    const auto [variances, axes] = axes_of(std::vector<double>{1, 0.8, 0.8, 1}, 2);
    const bool first = std::abs(variances[0] - 1.8) < 1e-15;  // their order is free
    CHECK(variances[first ? 0 : 1] == Approx(1.8).epsilon(1e-14));
    CHECK(variances[first ? 1 : 0] == Approx(0.2).epsilon(1e-14));
    CHECK(std::abs(axes[0]) == Approx(std::sqrt(0.5)).epsilon(1e-14));
}

TEST_CASE("a matrix that is not square, symmetric and finite is refused") {
    using support::is_complete;
    using support::refusal;
    CHECK(is_complete(refusal([] { axes_of(std::vector<double>(3), 2); }), std::size_t{3}));
    CHECK(is_complete(refusal([] { axes_of(std::vector<double>{1, 0.5, 0.25, 1}, 2); }), 0.25));
    CHECK(is_complete(refusal([] { axes_of(std::vector<double>{NAN}, 1); })));
}
