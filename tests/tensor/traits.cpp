#include <doctest/doctest.h>

#include <array>
#include <list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/tensor/traits.hpp>

#include "support/archetypes.hpp"

using namespace diffusion;

TEST_CASE("a tensor is whatever has a scalar, elements and a sibling") {
    static_assert(tensor<support::minimal_tensor>);
    static_assert(tensor<support::my_image>);
    static_assert(tensor<support::image_view>);
    static_assert(tensor<std::vector<float>>);
    static_assert(tensor<std::vector<double>>);
    static_assert(tensor<std::array<double, 2>>);
    static_assert(tensor<std::span<float>>);
}

TEST_CASE("what lacks one of them is no tensor") {
    static_assert(!tensor<support::no_traits>);
    static_assert(!tensor<support::integers>);
    static_assert(!tensor<support::like_returns_other>);
    static_assert(!tensor<support::read_only>);
    static_assert(!tensor<double>);
    static_assert(!tensor<std::string>);
    static_assert(!tensor<std::list<float>>);
    static_assert(!tensor<float*>);
    static_assert(!tensor<float[4]>);
}

TEST_CASE("integers, booleans and constants cannot be diffused") {
    static_assert(!tensor<std::vector<int>>);
    static_assert(!tensor<std::vector<bool>>);
    static_assert(!tensor<std::array<int, 3>>);
    static_assert(!tensor<std::array<const float, 3>>);
    static_assert(!tensor<std::span<const float>>);
    static_assert(!tensor<const std::vector<float>>);
    static_assert(!tensor<std::vector<float>&>);
}

TEST_CASE("a view names the owner of its siblings, every other tensor is its own owner") {
    static_assert(std::is_same_v<owner_t<support::image_view>, support::my_image>);
    static_assert(std::is_same_v<owner_t<std::span<double>>, std::vector<double>>);
    static_assert(std::is_same_v<owner_t<std::vector<float>>, std::vector<float>>);
    static_assert(std::is_same_v<owner_t<const std::vector<float>&>, std::vector<float>>);
    static_assert(std::is_same_v<scalar_t<support::image_view&>, float>);
    static_assert(std::is_same_v<scalar_t<const std::array<double, 1>>, double>);
}

TEST_CASE("elements of a user's own type can be read and written as a flat span") {
    support::my_image picture{4, 4, {}};
    elements(picture)[5] = 2;
    CHECK(picture.pixels[5] == 2);
    support::image_view view{&picture};
    elements(view)[6] = 3;
    CHECK(elements(std::as_const(picture))[6] == 3);
    CHECK(elements(std::as_const(view)).size() == 16);
}

TEST_CASE("a sibling has the shape of the original and zeros of its own") {
    support::my_image picture{2, 8, {}};
    elements(picture)[0] = 1;
    const support::my_image sibling = like(support::image_view{&picture});
    CHECK(sibling.width == 2);
    CHECK(sibling.height == 8);
    CHECK(sibling.pixels[0] == 0);
}
