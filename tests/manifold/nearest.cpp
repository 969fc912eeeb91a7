#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/manifold/nearest.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using support::is_complete;
using support::refusal;

namespace {

const std::vector<double> points{0, 0, 3, 4, 1, 0, 0, 2};  // four in the plane

std::vector<neighbour> around(const std::vector<double>& x, std::size_t k,
                              std::size_t left_out = no_point) {
    return nearest(std::span<const double>(points), std::span<const double>(x), k, left_out);
}

}  // namespace

TEST_CASE("the nearest points come in the order of their distance") {
    const auto all = around({0, 0}, 4);
    REQUIRE(all.size() == 4);
    const std::vector<std::size_t> order{0, 2, 3, 1};
    const std::vector<double> distances{0, 1, 2, 5};
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(all[i].index == order[i]);
        CHECK(all[i].distance == distances[i]);
    }
}

TEST_CASE("a point that is left out is no neighbour") {
    const auto others = around({0, 0}, 1, 0);
    REQUIRE(others.size() == 1);
    CHECK(others[0].index == 2);
}

TEST_CASE("more neighbours than points, and points of another length, are refused") {
    CHECK(is_complete(refusal([] { around({0, 0}, 5); }), 5));
    CHECK(is_complete(refusal([] { around({0, 0}, 4, 1); }), 4));
    CHECK(is_complete(refusal([] { around({0, 0, 0}, 1); }), 8));
    CHECK(is_complete(refusal([] { around({}, 1); }), 8));
    CHECK(is_complete(refusal([] { around({std::nan(""), 0}, 1); })));
}
