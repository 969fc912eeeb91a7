#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>

namespace diffusion::io {

/// A picture of 8-bit samples: rows from the top, pixels from the left, channels interleaved, so
/// that channel k of pixel (y, x) is pixels[(y * width + x) * channels + k]. 1 channel is grey,
/// 3 are red, green, blue.
struct image {
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t channels = 1;
    std::vector<std::uint8_t> pixels;

    friend bool operator==(const image&, const image&) = default;
};

namespace detail {

inline void require_image(const image& picture, const char* function) {
    using diffusion::detail::require;
    require(picture.channels == 1 || picture.channels == 3, function,
            "a picture must have 1 or 3 channels", picture.channels);
    require(picture.height >= 1, function, "a picture must be at least 1 pixel high",
            picture.height);
    require(picture.width >= 1, function, "a picture must be at least 1 pixel wide", picture.width);
    require(picture.pixels.size() == picture.height * picture.width * picture.channels, function,
            "a picture must have height * width * channels samples", picture.pixels.size());
}

/// [-1, 1] to 0 .. 255. Screens show no more: what lies outside becomes black or white.
template <class T>
std::uint8_t to_sample(T value, const char* function) {
    diffusion::detail::require(!std::isnan(value), function, "values must be numbers", value);
    const T scaled = (std::clamp(value, T(-1), T(1)) + 1) * T(127.5);
    return static_cast<std::uint8_t>(std::lround(scaled));
}

template <class T>
image to_image(std::span<const T> values, std::size_t height, std::size_t width,
               std::size_t channels, const char* function) {
    image picture{height, width, channels, {}};
    diffusion::detail::require(values.size() == height * width * channels, function,
                               "there must be height * width * channels values", values.size());
    picture.pixels.reserve(values.size());
    for (const T value : values) picture.pixels.push_back(to_sample(value, function));
    require_image(picture, function);
    return picture;
}

}  // namespace detail

/// The picture of `values`, which are in the order of image::pixels; -1 is black, 1 is white.
///
/// sample = round(127.5 (value + 1)); values outside [-1, 1] are shown as the nearer end. Throws
/// std::invalid_argument if the number of values is not height * width * channels, if channels is
/// not 1 or 3, or if a value is not a number.
inline image to_image(std::span<const float> values, std::size_t height, std::size_t width,
                      std::size_t channels = 1) {
    return detail::to_image(values, height, width, channels, "diffusion::io::to_image");
}

/// The same in double precision.
inline image to_image(std::span<const double> values, std::size_t height, std::size_t width,
                      std::size_t channels = 1) {
    return detail::to_image(values, height, width, channels, "diffusion::io::to_image");
}

/// The inverse of to_image: value = sample / 127.5 - 1, in the order of image::pixels.
inline std::vector<float> to_values(const image& picture) {
    std::vector<float> values;
    values.reserve(picture.pixels.size());
    for (const std::uint8_t sample : picture.pixels) {
        values.push_back(static_cast<float>(sample) / 127.5f - 1.0f);
    }
    return values;
}

/// How image_grid lays out its tiles.
struct grid_options {
    std::size_t columns = 0;       ///< tiles in a row; 0: as many as make the grid square
    std::size_t margin = 2;        ///< pixels of the result between tiles and around them
    std::size_t scale = 1;         ///< each pixel of a tile becomes scale x scale pixels
    std::uint8_t background = 64;  ///< grey level of the margin and of empty places
};

/// Pictures of equal size side by side, in rows from the top.
///
/// The result is columns (width * scale + margin) + margin pixels wide, and as high by rows.
/// Throws std::invalid_argument if there are no pictures or their sizes differ.
inline image image_grid(std::span<const image> tiles, const grid_options& options = {}) {
    using diffusion::detail::require;
    constexpr const char* function = "diffusion::io::image_grid";
    require(!tiles.empty(), function, "there must be at least 1 picture", tiles.size());
    require(options.scale >= 1, function, "the scale must be at least 1", options.scale);
    const std::size_t height = tiles[0].height;
    const std::size_t width = tiles[0].width;
    const std::size_t channels = tiles[0].channels;
    for (const image& tile : tiles) {
        detail::require_image(tile, function);
        require(tile.height == height && tile.width == width && tile.channels == channels, function,
                "all pictures must have the same size");
    }

    std::size_t columns = options.columns;
    if (columns == 0) {
        while (columns * columns < tiles.size()) ++columns;
    }
    const std::size_t rows = (tiles.size() + columns - 1) / columns;
    const std::size_t scale = options.scale;
    const std::size_t step_y = height * scale + options.margin;
    const std::size_t step_x = width * scale + options.margin;
    image grid{rows * step_y + options.margin, columns * step_x + options.margin, channels, {}};
    grid.pixels.assign(grid.height * grid.width * channels, options.background);

    for (std::size_t i = 0; i < tiles.size(); ++i) {
        const std::size_t top = i / columns * step_y + options.margin;
        const std::size_t left = i % columns * step_x + options.margin;
        for (std::size_t y = 0; y < height * scale; ++y) {
            for (std::size_t x = 0; x < width * scale; ++x) {
                const std::size_t from = (y / scale * width + x / scale) * channels;
                const std::size_t to = ((top + y) * grid.width + left + x) * channels;
                for (std::size_t k = 0; k < channels; ++k) {
                    grid.pixels[to + k] = tiles[i].pixels[from + k];
                }
            }
        }
    }
    return grid;
}

/// A grid of `count` pictures that lie one after the other in `values` (shape count, height, width,
/// channels; range [-1, 1] as for to_image).
inline image image_grid(std::span<const float> values, std::size_t count, std::size_t height,
                        std::size_t width, std::size_t channels = 1,
                        const grid_options& options = {}) {
    constexpr const char* function = "diffusion::io::image_grid";
    const std::size_t size = height * width * channels;
    diffusion::detail::require(values.size() == count * size, function,
                               "there must be count * height * width * channels values",
                               values.size());
    std::vector<image> tiles;
    tiles.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        tiles.push_back(
            detail::to_image(values.subspan(i * size, size), height, width, channels, function));
    }
    return image_grid(tiles, options);
}

}  // namespace diffusion::io
