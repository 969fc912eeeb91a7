#include <diffusion/io/image.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <vector>

using namespace diffusion::io;
using samples = std::vector<std::uint8_t>;

TEST_CASE("Black is -1, white is 1, and what lies outside is shown as the nearer of them") {
    const std::vector<float> values{-1, 1, 0, -7, 7, 0.5f};
    const image picture = to_image(values, 2, 3);
    CHECK(picture == image{2, 3, 1, samples{0, 255, 128, 0, 255, 191}});
    const std::vector<double> in_double(values.begin(), values.end());
    CHECK(to_image(in_double, 2, 3) == picture);
    CHECK(to_image(values, 2, 1, 3).channels == 3);
}

TEST_CASE("Every sample survives the way to a value and back") {
    image picture{1, 256, 1, {}};
    for (int i = 0; i < 256; ++i) picture.pixels.push_back(static_cast<std::uint8_t>(i));
    const std::vector<float> values = to_values(picture);
    CHECK(values.front() == -1.0f);
    CHECK(values.back() == 1.0f);
    CHECK(to_image(values, 1, 256) == picture);
}

TEST_CASE("A grid has a margin around each tile and fills its rows from the left") {
    const std::vector<float> values{-1, 1, 1, -1, -1, -1};  // three pictures of 1 x 2
    const grid_options options{.columns = 2, .margin = 1, .scale = 1, .background = 7};
    const image grid = image_grid(values, 3, 1, 2, 1, options);
    const samples expected{7, 7, 7,   7, 7,   7, 7,  //
                           7, 0, 255, 7, 255, 0, 7,  //
                           7, 7, 7,   7, 7,   7, 7,  //
                           7, 0, 0,   7, 7,   7, 7,  //
                           7, 7, 7,   7, 7,   7, 7};
    CHECK(grid == image{5, 7, 1, expected});
}

TEST_CASE("A scale of 2 repeats each pixel of a tile, not of the margin") {
    const std::vector<image> tile{{1, 2, 1, {10, 20}}};
    const image grid = image_grid(tile, {.columns = 0, .margin = 1, .scale = 2, .background = 0});
    const samples expected{0, 0,  0,  0,  0,  0,  //
                           0, 10, 10, 20, 20, 0,  //
                           0, 10, 10, 20, 20, 0,  //
                           0, 0,  0,  0,  0,  0};
    CHECK(grid == image{4, 6, 1, expected});
}

TEST_CASE("Without a number of columns a grid is square or one row less") {
    const std::vector<float> values(12, 0.0f);
    const grid_options tight{.columns = 0, .margin = 0, .scale = 1, .background = 0};
    CHECK(image_grid(values, 12, 1, 1, 1, tight).width == 4);
    CHECK(image_grid(values, 12, 1, 1, 1, tight).height == 3);
    CHECK(image_grid(values, 4, 1, 1, 3, tight).width == 2);
    CHECK(image_grid(values, 4, 1, 1, 3, tight).channels == 3);
}

TEST_CASE("A picture that does not fit its sizes is refused") {
    const std::vector<float> values(12, 0.0f);
    CHECK_THROWS_WITH_AS(to_image(values, 2, 5),
                         "diffusion::io::to_image: there must be height * width * channels values, "
                         "got 12",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(to_image(values, 2, 3, 2),
                         "diffusion::io::to_image: a picture must have 1 or 3 channels, got 2",
                         std::invalid_argument);
    CHECK_THROWS_AS(to_image(std::vector<float>{}, 0, 3), std::invalid_argument);
    const std::vector<float> broken{0, std::numeric_limits<float>::quiet_NaN()};
    CHECK_THROWS_WITH_AS(to_image(broken, 1, 2),
                         "diffusion::io::to_image: values must be numbers, got nan",
                         std::invalid_argument);
    CHECK_THROWS_AS(image_grid(values, 0, 2, 3), std::invalid_argument);
    CHECK_THROWS_AS(image_grid(values, 3, 2, 3), std::invalid_argument);
    CHECK_THROWS_AS(image_grid(values, 2, 2, 3, 1, {.scale = 0}), std::invalid_argument);
    const std::vector<image> different{{1, 1, 1, {0}}, {1, 2, 1, {0, 0}}};
    CHECK_THROWS_WITH_AS(image_grid(different),
                         "diffusion::io::image_grid: all pictures must have the same size",
                         std::invalid_argument);
}
