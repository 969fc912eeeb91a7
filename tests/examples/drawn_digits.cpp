#include "../../examples/support/drawn_digits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace {

// The label of the nearest of `known` by Euclidean distance.
int nearest_label(std::span<const float> picture, const examples::labelled_images& known) {
    double best = std::numeric_limits<double>::infinity();
    int label = -1;
    for (std::size_t k = 0; k < known.count; ++k) {
        const auto other = known.picture(k);
        double distance = 0;
        for (std::size_t p = 0; p < other.size(); ++p)
            distance += double(picture[p] - other[p]) * double(picture[p] - other[p]);
        if (distance < best) {
            best = distance;
            label = known.labels[k];
        }
    }
    return label;
}

double recognised(std::size_t size) {
    const auto known = examples::drawn_digits(1, 0, 3000, size);
    const auto asked = examples::drawn_digits(2, 0, 500, size);
    int right = 0;
    for (std::size_t i = 0; i < asked.count; ++i)
        right += nearest_label(asked.picture(i), known) == asked.labels[i];
    return right / double(asked.count);
}

}  // namespace

TEST_CASE("a drawn digit is a pure function of seed and index") {
    const auto all = examples::drawn_digits(7, 0, 40, 16);
    const auto later = examples::drawn_digits(7, 25, 5, 16);  // the same ones, asked for alone
    for (std::size_t i = 0; i < later.count; ++i) {
        CHECK(later.labels[i] == all.labels[25 + i]);
        CHECK(std::ranges::equal(later.picture(i), all.picture(25 + i)));
    }
    const auto others = examples::drawn_digits(8, 0, 40, 16);
    for (std::size_t i = 0; i < all.count; ++i)
        CHECK_FALSE(std::ranges::equal(others.picture(i), all.picture(i)));
}

TEST_CASE("drawn digits are ink at 1 on paper at -1 and leave the frame free") {
    for (const std::size_t size :
         {std::size_t(8), std::size_t(16), std::size_t(28), std::size_t(32)}) {
        CAPTURE(size);
        const auto set = examples::drawn_digits(3, 0, 500, size);
        for (std::size_t i = 0; i < set.count; ++i) {
            const auto picture = set.picture(i);
            const auto [low, high] = std::ranges::minmax(picture);
            CHECK(low == -1.0f);
            CHECK(high <= 1.0f);
            if (size >= 16) CHECK(high > 0.7f);
            double ink = 0;
            for (const float value : picture) ink += 0.5 * (double(value) + 1);
            CHECK(ink > 0.03 * double(picture.size()));
            CHECK(ink < 0.40 * double(picture.size()));
            float on_frame = -1;
            for (std::size_t k = 0; k < size; ++k)
                on_frame = std::max({on_frame, picture[k], picture[(size - 1) * size + k],
                                     picture[k * size], picture[k * size + size - 1]});
            CHECK(on_frame < 0.2f);
        }
    }
}

TEST_CASE("any ten drawn digits in a row hold each label once") {
    const auto set = examples::drawn_digits(5, 1234, 1000, 16);
    std::array<int, 10> seen{};
    for (const int label : set.labels) ++seen[std::size_t(label)];
    for (const int n : seen) CHECK(n == 100);
}

TEST_CASE("digits drawn with one seed are recognised by those drawn with another") {
    CHECK(recognised(16) >= 0.95);
    CHECK(recognised(28) >= 0.95);
}

TEST_CASE("the same drawn digit at two sizes is the same picture, sharper") {
    const auto small = examples::drawn_digits(11, 0, 50, 16);
    const auto large = examples::drawn_digits(11, 0, 50, 32);
    for (std::size_t i = 0; i < small.count; ++i) {
        double difference = 0;
        for (std::size_t row = 0; row < 16; ++row) {
            for (std::size_t column = 0; column < 16; ++column) {
                const auto at = [&](std::size_t r, std::size_t c) {
                    return double(large.picture(i)[(2 * row + r) * 32 + 2 * column + c]);
                };
                const double mean = 0.25 * (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1));
                difference += std::abs(mean - double(small.picture(i)[row * 16 + column])) / 256;
            }
        }
        CHECK(difference < 0.1);
    }
}

TEST_CASE("a digit that does not exist, a picture too small or a wrong span is refused") {
    examples::dice luck(1, 1);
    std::vector<float> pixels(256);
    CHECK_THROWS_AS(examples::draw_digit(10, luck, 16, pixels), std::invalid_argument);
    CHECK_THROWS_AS(examples::draw_digit(-1, luck, 16, pixels), std::invalid_argument);
    CHECK_THROWS_AS(examples::draw_digit(3, luck, 4, pixels), std::invalid_argument);
    CHECK_THROWS_AS(examples::draw_digit(3, luck, 28, pixels), std::invalid_argument);
}
