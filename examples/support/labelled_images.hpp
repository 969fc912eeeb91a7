#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace examples {

/// Grey pictures of one size with a class label each: what the digit examples train on.
/// `pixels` is (count, height, width), row-major, values in [-1, 1] with -1 the empty background;
/// `labels` has `count` entries.
struct labelled_images {
    std::size_t count = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<float> pixels;
    std::vector<int> labels;

    /// Number of pixels of one picture.
    std::size_t area() const { return height * width; }

    /// The pixels of picture i (i < count).
    std::span<const float> picture(std::size_t i) const {
        return std::span<const float>(pixels).subspan(i * area(), area());
    }
};

}  // namespace examples
