#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <support/coloured_digits.hpp>

using examples::colour_reading;
using examples::coloured_digits;

TEST_CASE("the mean of the channels is the gray digit at half contrast, whatever the hue") {
    const std::size_t size = 12;
    const auto colour = coloured_digits(5, 30, 4, size);
    const auto gray = examples::drawn_digits(5, 30, 4, size);
    double worst = 0;
    for (std::size_t p = 0; p < gray.pixels.size(); ++p) {
        const float mean = (colour[3 * p] + colour[3 * p + 1] + colour[3 * p + 2]) / 3;
        worst = std::max(worst, std::abs(double(mean - (gray.pixels[p] - 1) / 2)));
    }
    CHECK(worst < 1e-6);
}

TEST_CASE("a picture has one hue in all its parts, others have others, and none is preferred") {
    const std::size_t size = 12, count = 300, area = 3 * size * size;
    const auto pictures = coloured_digits(5, 0, count, size);
    std::complex<double> all = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto picture = std::span<const float>(pictures).subspan(i * area, area);
        const auto whole = colour_reading::of(picture, size, 0, size);
        const auto left = colour_reading::of(picture, size, 0, size / 2);
        const auto right = colour_reading::of(picture, size, size / 2, size / 2);
        CHECK(whole.purity() == doctest::Approx(1).epsilon(1e-5));
        CHECK(std::abs(left.sum + right.sum - whole.sum) < 1e-4);
        if (std::min(left.sizes, right.sizes) > 1) CHECK(hue_difference(left, right) < 0.01);
        all += whole.sum / std::abs(whole.sum);
    }
    CHECK(std::abs(all) / double(count) < 0.15);  // 0.06 is usual
}

TEST_CASE("opposite hues are 180 degrees apart, and two of them side by side are not pure") {
    std::vector<float> picture;
    for (const double hue : {0.0, std::numbers::pi})  // two pixels in a row, as a picture of size 2
        for (std::size_t k = 0; k < 3; ++k)
            picture.push_back(float(std::cos(hue - 2 * std::numbers::pi * double(k) / 3)));
    picture.insert(picture.end(), 6, -1.0f);
    const auto left = colour_reading::of(picture, 2, 0, 1);
    const auto right = colour_reading::of(picture, 2, 1, 1);
    CHECK(hue_difference(left, right) == doctest::Approx(180).epsilon(1e-5));
    CHECK(colour_reading::of(picture, 2, 0, 2).purity() < 1e-6);
}
