#include <doctest/doctest.h>

#include <array>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <diffusion/tensor/linear.hpp>
#include <diffusion/tensor/span.hpp>

using namespace diffusion;

TEST_CASE("a span makes a tensor of memory that somebody else owns") {
    float buffer[3] = {1, 2, 3};
    std::span<float> x(buffer);
    ref(x) = 2 * ref(x);
    CHECK(buffer[2] == 6);
    CHECK(elements(std::as_const(x)).data() == buffer);
}

TEST_CASE("the siblings of a span are vectors") {
    std::array<double, 2> buffer{1, 2};
    const std::span<double> x(buffer);
    const std::vector<double> sibling = like(x);
    CHECK(sibling == std::vector<double>{0, 0});
    static_assert(std::is_same_v<owner_t<std::span<double>>, std::vector<double>>);
}

TEST_CASE("a span of constants or integers is no tensor") {
    static_assert(tensor<std::span<float>>);
    static_assert(tensor<std::span<double>>);
    static_assert(!tensor<std::span<const float>>);
    static_assert(!tensor<std::span<int>>);
    static_assert(!tensor<std::span<const float, 4>>);
}

TEST_CASE("the span of an array, whose length is part of its type, is a tensor as well") {
    float buffer[2] = {1, 2};
    std::span x(buffer);
    static_assert(std::is_same_v<decltype(x), std::span<float, 2>>);
    static_assert(std::is_same_v<owner_t<std::span<float, 2>>, std::vector<float>>);
    ref(x) = 3 * ref(x);
    CHECK(buffer[1] == 6);
    CHECK(like(x) == std::vector<float>{0, 0});
}
