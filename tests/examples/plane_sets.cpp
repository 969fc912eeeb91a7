#include <support/plane_sets.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

using namespace examples;
using doctest::Approx;

TEST_CASE("every point of the checkerboard lies on a dark square, all eight equally often") {
    const std::vector<float> points = checkerboard_points(8000, 1);
    std::vector<int> count(16);
    for (std::size_t i = 0; i < points.size(); i += 2) {
        REQUIRE(on_checkerboard(points[i], points[i + 1]));
        ++count[std::size_t(points[i] + 2) + 4 * std::size_t(points[i + 1] + 2)];
    }
    for (std::size_t k = 0; k < 16; ++k) {
        const bool dark = (k % 4 + k / 4) % 2 == 0;
        CHECK(count[k] > (dark ? 850 : -1));  // 1000 and 5 standard deviations of 30
        CHECK(count[k] < (dark ? 1150 : 1));
    }
    CHECK(!on_checkerboard(-1.5F, 0.5F - 1));
    CHECK(!on_checkerboard(2.5F, 0.5F));
    CHECK(checkerboard_points(3, 1, 5)[0] == points[10]);
    CHECK(checkerboard_points(1, 2)[0] != points[0]);
}

TEST_CASE("the energy distance of two sets is what its three means make") {
    const std::vector<float> a{0, 0, 3, 4}, b{0, 0};
    // |X - Y|: 0, 5; |X - X'|: 0, 5, 5, 0; |Y - Y'|: 0
    CHECK(energy_distance(a, b) == Approx(2 * 2.5 - 2.5));
    CHECK(energy_distance(a, a) == Approx(0).scale(1));
    CHECK_THROWS_AS(energy_distance(a, std::span<const float>()), std::invalid_argument);
}

TEST_CASE("sets of one distribution are as near as the floor says, a moved one is far") {
    const std::vector<float> a = checkerboard_points(1000, 1), b = checkerboard_points(1000, 2);
    std::vector<float> moved = b;
    for (float& v : moved) v += 0.5F;
    // E|X - X'| of the board is about 2.1
    CHECK(energy_distance(a, b) < 3 * 2.1 * 2 / 1000);
    CHECK(energy_distance(a, moved) > 0.05);
}
