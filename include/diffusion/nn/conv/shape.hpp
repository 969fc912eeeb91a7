#pragma once

#include <cstddef>

namespace diffusion::nn {

/// Sizes of a two-dimensional convolution over images that are stored pixel by pixel (NHWC).
///
///     x  (batch, height, width, in)              the input, channels contiguous
///     w  (kernel, kernel, in, out)               the weights (HWIO), `kernel` odd
///     y  (batch, out_height, out_width, out)     the output
///
/// The border is padded with kernel / 2 zeros on each side, so that stride 1 keeps the size of the
/// image and stride s divides it by s, rounded up. `doubled`: x is first made twice as large, each
/// pixel repeated 2x2; that is for kernel 3 and stride 1.
struct conv_shape {
    std::size_t batch = 1, height = 1, width = 1;
    std::size_t in = 1, out = 1;
    std::size_t kernel = 3, stride = 1;
    bool doubled = false;

    constexpr std::size_t padding() const { return kernel / 2; }
    constexpr std::size_t out_height() const {
        return doubled ? 2 * height : (height - 1) / stride + 1;
    }
    constexpr std::size_t out_width() const {
        return doubled ? 2 * width : (width - 1) / stride + 1;
    }

    /// The same convolution of an image that is as large as y.
    constexpr conv_shape of_doubled() const {
        return {batch, out_height(), out_width(), in, out, kernel, stride};
    }

    /// Elements of x, w and y.
    constexpr std::size_t input_size() const { return batch * height * width * in; }
    constexpr std::size_t weight_size() const { return kernel * kernel * in * out; }
    constexpr std::size_t output_size() const { return batch * out_height() * out_width() * out; }

    /// Multiplications and additions of the definition, the yardstick of every "effective" rate.
    constexpr double operations() const {
        return 2.0 * static_cast<double>(output_size()) * static_cast<double>(kernel * kernel * in);
    }

    friend constexpr bool operator==(const conv_shape&, const conv_shape&) = default;
};

/// Rows first, first + 1, ..., last - 1 of every image of the result (y in the forward pass, dx in
/// the backward pass). Ends beyond the image mean its end, so `row_range{}` is the whole image.
///
/// Two threads that share one image each compute half of its rows; the bits are those of one call.
struct row_range {
    std::size_t first = 0, last = static_cast<std::size_t>(-1);

    constexpr row_range within(std::size_t rows) const {
        return {first < rows ? first : rows, last < rows ? last : rows};
    }
};

}  // namespace diffusion::nn
