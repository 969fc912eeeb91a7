#include <doctest/doctest.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

TEST_CASE("a batch is cut into equal items that lie one behind the other") {
    std::vector<float> x{0, 1, 2, 3, 4, 5};
    std::vector<std::size_t> seen;
    for_each_item(x, 3, [&](std::size_t i, std::span<float> item) {
        seen.push_back(i);
        CHECK(item.size() == 2);
        CHECK(item.data() == x.data() + 2 * i);
        item[0] = -item[0];
    });
    CHECK(seen == std::vector<std::size_t>{0, 1, 2});
    CHECK(x == std::vector<float>{0, 1, -2, 3, -4, 5});
}

TEST_CASE("the items of a constant batch can be read") {
    const std::vector<double> x{1, 2, 3, 4};
    double sum = 0;
    for_each_item(x, 4, [&](std::size_t, std::span<const double> item) { sum += item[0]; });
    CHECK(sum == 10);
}

TEST_CASE("a batch of one is the whole tensor") {
    std::vector<double> x(5);
    for_each_item(x, 1, [&](std::size_t i, std::span<double> item) {
        CHECK(i == 0);
        CHECK(item.size() == 5);
    });
}

TEST_CASE("items that do not fit are refused") {
    CHECK(item_size(12, 4) == 3);
    CHECK_THROWS_WITH_AS(item_size(12, 5),
                         "diffusion::item_size: the number of items must divide the number of "
                         "elements, got 5",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(item_size(12, 0),
                         "diffusion::item_size: a batch needs at least one item, got 0",
                         std::invalid_argument);
    std::vector<double> x(5);
    CHECK_THROWS_AS(for_each_item(x, 2, [](std::size_t, std::span<double>) {}),
                    std::invalid_argument);
}
