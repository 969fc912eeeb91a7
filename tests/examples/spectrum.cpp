#include <doctest/doctest.h>
#include <support/spectrum.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace {

/// A smooth spot, with a checkerboard of this strength on it.
std::vector<float> spot(std::size_t size, double strength) {
    std::vector<float> picture(size * size);
    for (std::size_t i = 0; i < picture.size(); ++i) {
        const double y = double(i / size) - 15, x = double(i % size) - 13;
        const double sign = (i / size + i % size) % 2 == 0 ? 1 : -1;
        picture[i] = float(std::exp(-(x * x + y * y) / 40) + strength * sign - 0.5);
    }
    return picture;
}

}  // namespace

TEST_CASE("a checkerboard is what repeats every two pixels, and a smooth picture has none") {
    const examples::spectrum smooth(spot(32, 0), 32), weak(spot(32, 0.01), 32);
    CHECK(smooth.at_half() < 1e-6 * weak.at_half());
    CHECK(weak.at_half() > 1000 * weak.around_half());
    // a Hann window has the mean 1/2 in each direction
    CHECK(weak.at_half() == doctest::Approx(std::pow(0.01 * 32 * 32 / 4, 2)).epsilon(0.01));
}

TEST_CASE("of several pictures the mean energy counts, and the brightest is white") {
    std::vector<float> two = spot(32, 0.01);
    const std::vector<float> one = spot(32, 0);
    two.insert(two.end(), one.begin(), one.end());
    const examples::spectrum mean(two, 32), weak(spot(32, 0.01), 32);
    CHECK(mean.at_half() == doctest::Approx(weak.at_half() / 2).epsilon(1e-3));
    const std::vector<float> picture = mean.picture(1e-3, mean.energy[0]);
    CHECK(picture[16 * 32 + 16] == 1);  // the mean, in the middle
    CHECK(picture[0] > -1);             // the checkerboard, in the corner
    CHECK(picture[5 * 32 + 5] == -1);
}
