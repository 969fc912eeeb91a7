#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <support/manifold_probe.hpp>

#include <diffusion/toy/gaussian_mixture.hpp>

using doctest::Approx;
using examples::known_manifold;
using examples::known_surface;

namespace {

constexpr std::size_t size = 30;

double dimension(const std::vector<float>& points) {
    return diffusion::intrinsic_dimension(std::span<const float>(points), points.size() / size, 6);
}

}  // namespace

TEST_CASE("the known surfaces have two dimensions, flat or rolled") {
    const auto plane = known_surface(false, 500, size, 1), roll = known_surface(true, 500, size, 1);
    CHECK(dimension(plane) == Approx(2).epsilon(0.1));
    CHECK(dimension(roll) == Approx(2).epsilon(0.15));
    CHECK(examples::principal_components(plane, size).components_for(0.999) == 2);
    CHECK(examples::principal_components(roll, size).components_for(0.999) == 3);
}

TEST_CASE("the way along the manifold counts to the nearest point, but not to the tangent plane") {
    const auto plane = known_surface(false, 500, size, 1);
    const known_manifold known{plane, size, 10, 2};
    std::vector<float> x(size);
    for (std::size_t e = 0; e < size; ++e) x[e] = 0.5f * (plane[e] + plane[size + e]);
    CHECK(known.tangent(x) < 1e-4);  // between two points, in the plane
    CHECK(known.nearest(x) > 1e-3);
    std::vector<float> beside = x;
    beside[0] += 3;
    CHECK(known.tangent(beside) > 2);
    CHECK(known.tangent(beside) <= 3 + 1e-4);
    CHECK(known.nearest(beside) >= known.tangent(beside));
    x.insert(x.end(), beside.begin(), beside.end());
    CHECK(known.mean_tangent(x) == Approx(0.5 * known.tangent(beside)).epsilon(1e-3));
}

TEST_CASE("a model moves what is beside its manifold, back to it") {
    const diffusion::gaussian_mixture line({{1, {0, 0}, {1, 0}}});  // the first axis
    const diffusion::node t{0, 1, 0.1, -std::log(0.1)};
    const std::vector<float> on(200), beside = [] {
        std::vector<float> x(200);
        for (std::size_t i = 1; i < 200; i += 2) x[i] = 5;
        return x;
    }();
    CHECK(examples::moved_by(line, on, 2, t, 1) < 0.15);  // E|sigma z_1| = 0.08
    CHECK(examples::moved_by(line, beside, 2, t, 1) == Approx(5).epsilon(0.01));
}

TEST_CASE("around a point of a plane the scores have all but two large singular values") {
    std::vector<double> covariance(5);
    covariance[1] = covariance[3] = 1;
    const diffusion::gaussian_mixture plane({{1, std::vector<double>(5), covariance}});
    const std::vector<float> x_0(5);
    const double sigma = 0.01;
    const auto values =
        examples::score_spectrum(x_0, {0, 1, sigma, -std::log(sigma)}, plane, 100, 1);
    CHECK(values.size() == 5);
    CHECK(values[2] > 100 * values[3]);
    CHECK(diffusion::dimension_by_gap(values) == 2);
}

TEST_CASE("a pair is mixed on the straight line, or on the circle through both") {
    std::vector<float> points(2 * 5);  // i = 0 is mixed with point 0 + 1 + 3
    points[0] = 2;
    points[9] = 2;
    using examples::mixed;
    using examples::mixed_pairs;
    CHECK(mixed_pairs(points, 2, 1, mixed::in_pixels, 0) == std::vector<float>{2, 0});
    CHECK(mixed_pairs(points, 2, 1, mixed::straight, 0.5) == std::vector<float>{1, 1});
    const auto round = mixed_pairs(points, 2, 1, mixed::along_the_sphere, 0.5);
    CHECK(round[0] == Approx(std::sqrt(2.0)));
    CHECK(round[1] == Approx(std::sqrt(2.0)));
}
