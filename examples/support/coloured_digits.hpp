#pragma once

#include "drawn_digits.hpp"

#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include <diffusion/random/fill.hpp>

namespace examples {

/// Drawn digits in colours: (count, size, size, 3), black paper, ink of one hue a picture,
///
///     x_k = -1 + (g + 1) (1 + cos(hue - 2 pi k/3))/2,    g the gray digit, k = 0, 1, 2.
///
/// The mean of the channels is (g - 1)/2, whatever the hue: gray says nothing of the colour.
inline std::vector<float> coloured_digits(std::uint64_t seed, std::uint64_t first,
                                          std::size_t count, std::size_t size) {
    const labelled_images gray = drawn_digits(seed, first, count, size);
    std::vector<float> pixels(3 * gray.pixels.size());
    for (std::size_t i = 0; i < count; ++i) {
        float turn = 0;
        diffusion::fill_uniform(std::span<float>(&turn, 1), seed,
                                {diffusion::noise_stream::data, first + i, 1});
        for (std::size_t p = i * gray.area(); p < (i + 1) * gray.area(); ++p)
            for (std::size_t k = 0; k < 3; ++k) {
                const double angle = 2 * std::numbers::pi * (double(turn) - double(k) / 3);
                pixels[3 * p + k] =
                    float(-1 + (double(gray.pixels[p]) + 1) * (1 + std::cos(angle)) / 2);
            }
    }
    return pixels;
}

/// The colour of a picture, or of some of its columns: the sum over pixels of sum_k x_k e^{2 pi i
/// k/3}, whose argument is the hue and whose size is the amount of coloured ink, and the sum of
/// their sizes, which is as large only if all pixels have one hue.
struct colour_reading {
    std::complex<double> sum = 0;
    double sizes = 0;

    double purity() const { return sizes > 0 ? std::abs(sum) / sizes : 0; }

    static colour_reading of(std::span<const float> picture, std::size_t size,
                             std::size_t first_column, std::size_t columns) {
        colour_reading all;
        for (std::size_t row = 0; row < size; ++row)
            for (std::size_t column = first_column; column < first_column + columns; ++column) {
                std::complex<double> pixel = 0;
                for (std::size_t k = 0; k < 3; ++k)
                    pixel += double(picture[3 * (row * size + column) + k]) *
                             std::polar(1.0, 2 * std::numbers::pi * double(k) / 3);
                all.sum += pixel;
                all.sizes += std::abs(pixel);
            }
        return all;
    }
};

/// The angle between two hues, in degrees from 0 to 180.
inline double hue_difference(const colour_reading& a, const colour_reading& b) {
    return std::abs(std::arg(a.sum * std::conj(b.sum))) * 180 / std::numbers::pi;
}

}  // namespace examples
