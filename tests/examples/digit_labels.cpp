#include "../../examples/support/digit_labels.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

using examples::labels_to_draw;

TEST_CASE("each ten digits of a page hold every digit once, in an order of their own") {
    const auto labels = labels_to_draw({}, 40, 1);
    REQUIRE(labels.size() == 40);
    std::vector<std::vector<std::size_t>> tens;
    for (std::size_t first = 0; first < 40; first += 10) {
        const auto begin = labels.begin() + std::ptrdiff_t(first);
        tens.emplace_back(begin, begin + 10);
        auto sorted = tens.back();
        std::sort(sorted.begin(), sorted.end());
        CHECK(sorted == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    }
    CHECK(tens[0] != tens[1]);
    CHECK(tens[1] != tens[2]);
}

TEST_CASE("a longer page begins like a shorter one, and another seed gives another page") {
    const auto all = labels_to_draw({}, 25, 1), some = labels_to_draw({}, 13, 1);
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
    CHECK(labels_to_draw({}, 25, 2) != all);
}

TEST_CASE("a digit that is asked for is the only one on the page") {
    CHECK(labels_to_draw(7, 12, 1) == std::vector<std::size_t>(12, 7));
    CHECK(labels_to_draw(7, 0, 1).empty());
}
