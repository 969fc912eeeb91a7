#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/manifold/intrinsic_dimension.hpp>
#include <diffusion/random/fill.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;
using vector = std::vector<double>;

namespace {

constexpr std::size_t count = 600, dimensions = 10;

vector uniform(std::size_t size) {
    vector u(size);
    fill_uniform<double>(u, 1, {noise_stream::data});
    return u;
}

/// Points with m coordinates each, turned into the space of ten dimensions by fixed orthogonal
/// directions: the rows of a discrete cosine transform.
vector embedded(const vector& points, std::size_t m) {
    vector x(count * dimensions);
    for (std::size_t i = 0; i < count; ++i)
        for (std::size_t j = 0; j < m; ++j)
            for (std::size_t e = 0; e < dimensions; ++e)
                x[i * dimensions + e] +=
                    points[i * m + j] *
                    std::cos(3.141592653589793 * (static_cast<double>(e) + 0.5) *
                             static_cast<double>(j) / dimensions);
    return x;
}

double dimension(const vector& x, std::size_t k) {
    return intrinsic_dimension(std::span<const double>(x), count, k);
}

}  // namespace

TEST_CASE("the estimate is the inverse of the mean log ratio of distances") {
    // Of 0, 1, 3 on a line, with both others for neighbours: T_2/T_1 is 3, 2 and 3/2.
    const vector x{0, 1, 3};
    CHECK(intrinsic_dimension(std::span<const double>(x), 3, 2) ==
          Approx(3 / (std::log(3.0) + std::log(2.0) + std::log(1.5))).epsilon(1e-14));
}

TEST_CASE("flat pieces of one, two and five dimensions are recognised among ten") {
    // The standard error of the inverse is about 1/sqrt(count); edges make it a little too small.
    CHECK(dimension(embedded(uniform(count), 1), 10) == Approx(1).epsilon(0.05));
    CHECK(dimension(embedded(uniform(2 * count), 2), 10) == Approx(2).epsilon(0.06));
    CHECK(dimension(embedded(uniform(5 * count), 5), 10) == Approx(5).epsilon(0.15));
}

TEST_CASE("a Swiss roll has two dimensions, until noise gives it all the others") {
    const vector u = uniform(2 * count);
    vector roll(3 * count);
    for (std::size_t i = 0; i < count; ++i) {
        // Evenly along the spiral r = angle: its length grows as the square of the angle.
        const double angle = std::sqrt(20 + 180 * u[2 * i]);
        roll[3 * i] = angle * std::cos(angle);
        roll[3 * i + 1] = angle * std::sin(angle);
        roll[3 * i + 2] = 20 * u[2 * i + 1];
    }
    vector x = embedded(roll, 3);
    CHECK(dimension(x, 6) == Approx(2).epsilon(0.1));
    vector z(x.size());
    fill_normal<double>(z, 2, {noise_stream::data});
    for (std::size_t e = 0; e < x.size(); ++e) x[e] += 20 * z[e];
    CHECK(dimension(x, 6) > 5);
}

TEST_CASE("no neighbours, too few points, and two that are the same are refused") {
    const auto of = [](const vector& x, std::size_t items, std::size_t k) {
        return refusal([&] { intrinsic_dimension(std::span<const double>(x), items, k); });
    };
    CHECK(is_complete(of({1, 2, 3}, 3, 1), 1));
    CHECK(is_complete(of({1, 2, 3}, 3, 3), 3));
    CHECK(is_complete(of({1, 2, 3, 4}, 3, 2), 4));
    CHECK(is_complete(of({1, 2, 2, 5}, 4, 2), 1));
}
