#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <support/principal_components.hpp>

#include <diffusion/random/fill.hpp>

using doctest::Approx;
using examples::principal_components;

TEST_CASE("the components of four points on two axes are the axes") {
    const std::vector<float> points{4, 1, 0, 1, 2, 2, 2, 0};  // (2 +- 2, 1), (2, 1 +- 1)
    const principal_components pca(points, 2);
    CHECK(pca.mean(0) == Approx(2));
    CHECK(pca.mean(1) == Approx(1));
    CHECK(pca.variances(0) == Approx(8.0 / 3));  // over n - 1
    CHECK(pca.variances(1) == Approx(2.0 / 3));
    CHECK(std::abs(pca.axes(0, 0)) == Approx(1));
    CHECK(pca.explained(0) == 0);
    CHECK(pca.explained(1) == Approx(0.8));
    CHECK(pca.explained(2) == Approx(1));
    CHECK(pca.components_for(0.7) == 1);
    CHECK(pca.components_for(0.9) == 2);
}

TEST_CASE("a plane in ten dimensions has two components, and a point beside it a distance") {
    constexpr std::size_t n = 50, d = 10;
    std::vector<float> luck(2 * n), points(n * d);
    diffusion::fill_normal<float>(luck, 1, {diffusion::noise_stream::data});
    for (std::size_t i = 0; i < n; ++i)  // 7 + u (1, ..., 1) + v (1, -1, 1, -1, ...)
        for (std::size_t e = 0; e < d; ++e)
            points[i * d + e] = 7 + luck[2 * i] + (e % 2 == 0 ? 1.0F : -1.0F) * luck[2 * i + 1];
    const principal_components pca(points, d);
    CHECK(pca.explained(2) == Approx(1));
    CHECK(pca.components_for(0.999) == 2);
    std::vector<float> x(d, 3);  // in the plane
    CHECK(pca.distance(x, 2) < 1e-5);
    x[0] += 2;
    x[2] -= 2;  // at right angles to both directions
    CHECK(pca.distance(x, 2) == Approx(std::sqrt(8.0)));
    CHECK(pca.distance(x, 0) > 9);
}

TEST_CASE("a single point has no components") {
    CHECK_THROWS_AS(principal_components(std::vector<float>{1, 2}, 2), std::invalid_argument);
    CHECK_THROWS_AS(principal_components(std::vector<float>{}, 2), std::invalid_argument);
}
