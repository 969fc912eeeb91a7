#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>

namespace diffusion::nn::detail {

/// Means over windows of height x width pixels that tile the image, for each channel.
template <class T>
var<T> average_windows(const var<T>& x, std::size_t height, std::size_t width) {
    const nn::shape s = x.shape();
    const std::size_t c = s.channels, columns = s.width / width;
    const T share = static_cast<T>(1 / static_cast<double>(height * width));
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({s.items, s.height / height, columns, c}, x);
    for (std::size_t window = 0; window < y.shape().rows(); ++window) {
        const T* in =
            x.data() + (window / columns * height * columns + window % columns) * width * c;
        for_channels<T>(c, [&](const auto& block) {
            vec<T> sum{};
            for (std::size_t i = 0; i < height; ++i)
                sum += pixel_sums<T, 1>(width, [&](std::size_t j, auto& row) {
                    row[0] += block.load(in + (i * s.width + j) * c);
                })[0];
            block.store(y.fill() + window * c, share * sum);
        });
    }
    tape.record(y, [s, c, columns, height, width, share,
                    dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const std::size_t window = p / s.width / height * columns + p % s.width / width;
            const T* g = dy.read() + window * c;
            T* to = out + p * c;
            for (std::size_t k = 0; k < c; ++k) to[k] = (first ? T(0) : to[k]) + share * g[k];
        }
    });
    return y;
}

/// The two pixels between which pixel i of an axis that is `factor` times longer lies, and the
/// weight of the second.
struct between {
    std::size_t first, second;
    double weight;

    between(std::size_t i, std::size_t factor, std::size_t size) {
        // the middle of pixel i is at i + 1/2 in both; before the first middle there is nothing
        const double place =
            std::max((static_cast<double>(i) + 0.5) / static_cast<double>(factor) - 0.5, 0.0);
        first = static_cast<std::size_t>(place);
        second = std::min(first + 1, size - 1);
        weight = place - static_cast<double>(first);
    }
};

/// Calls f(pixel of x, pixel of y, weight) for the four neighbours of each pixel of y, which is
/// `factor` times larger than the images of shape s.
template <class F>
void for_each_neighbour(const nn::shape& s, std::size_t factor, F&& f) {
    std::size_t to = 0;
    for (std::size_t n = 0; n < s.items; ++n)
        for (std::size_t i = 0; i < s.height * factor; ++i)
            for (std::size_t j = 0; j < s.width * factor; ++j, ++to) {
                const between y(i, factor, s.height), x(j, factor, s.width);
                const std::size_t above = (n * s.height + y.first) * s.width;
                const std::size_t below = (n * s.height + y.second) * s.width;
                f(above + x.first, to, (1 - y.weight) * (1 - x.weight));
                f(above + x.second, to, (1 - y.weight) * x.weight);
                f(below + x.first, to, y.weight * (1 - x.weight));
                f(below + x.second, to, y.weight * x.weight);
            }
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Each pixel becomes a square of `factor` x `factor` equal pixels.
template <class T>
var<T> upsample_nearest(const var<T>& x, std::size_t factor = 2) {
    diffusion::detail::require(factor >= 1, "diffusion::nn::upsample_nearest",
                               "the factor must be at least 1", factor);
    const nn::shape s = x.shape();
    const std::size_t c = s.channels, width = factor * s.width;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({s.items, factor * s.height, width, c}, x);
    for (std::size_t row = 0; row < s.items * s.height; ++row) {
        T* out = y.fill() + row * factor * width * c;
        const T* in = x.data() + row * s.width * c;
        for (std::size_t j = 0; j < width; ++j) std::copy_n(in + j / factor * c, c, out + j * c);
        for (std::size_t i = 1; i < factor; ++i) std::copy_n(out, width * c, out + i * width * c);
    }
    tape.record(y, [s, factor, c, width, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        T* sum = dx.write_zeroed();
        for (std::size_t row = 0; row < s.items * s.height * factor; ++row) {
            const T* in = dy.read() + row * width * c;
            T* out = sum + row / factor * s.width * c;
            for (std::size_t j = 0; j < width; ++j)
                for (std::size_t k = 0; k < c; ++k) out[j / factor * c + k] += in[j * c + k];
        }
    });
    return y;
}

/// Bilinear interpolation to an image `factor` times larger:
///
///     y[i, j] = x at the point ((i + 1/2) / factor - 1/2, (j + 1/2) / factor - 1/2)
///
/// where x is linear between the middles of its pixels and constant beyond the outermost ones
/// (PyTorch: align_corners = false). {items, factor height, factor width, channels}.
template <class T>
var<T> upsample_bilinear(const var<T>& x, std::size_t factor = 2) {
    diffusion::detail::require(factor >= 1, "diffusion::nn::upsample_bilinear",
                               "the factor must be at least 1", factor);
    const nn::shape s = x.shape();
    const std::size_t c = s.channels;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({s.items, factor * s.height, factor * s.width, c}, x);
    // to (at `to_pixel`) += weight * from (at `from_pixel`): both directions
    const auto add_pixel = [c](const T* from, std::size_t from_pixel, T* to, std::size_t to_pixel,
                               double weight) {
        const T w = static_cast<T>(weight);
        for (std::size_t k = 0; k < c; ++k) to[to_pixel * c + k] += w * from[from_pixel * c + k];
    };
    std::fill_n(y.fill(), y.size(), T(0));
    detail::for_each_neighbour(s, factor, [&](std::size_t in, std::size_t out, double weight) {
        add_pixel(x.data(), in, y.fill(), out, weight);
    });
    tape.record(y, [s, factor, add_pixel, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        T* sum = dx.write_zeroed();
        detail::for_each_neighbour(s, factor, [&](std::size_t in, std::size_t out, double weight) {
            add_pixel(dy.read(), out, sum, in, weight);
        });
    });
    return y;
}

/// Each square of `factor` x `factor` pixels becomes its mean, for each channel: {items, height /
/// factor, width / factor, channels}.
template <class T>
var<T> average_pool(const var<T>& x, std::size_t factor = 2) {
    const nn::shape s = x.shape();
    diffusion::detail::require_shape(factor > 0 && s.height % factor == 0 && s.width % factor == 0,
                                     "diffusion::nn::average_pool",
                                     "the factor must divide height and width", s);
    return detail::average_windows(x, factor, factor);
}

/// The mean over all positions of each item, for each channel: {items, 1, 1, channels}.
template <class T>
var<T> global_average_pool(const var<T>& x) {
    return detail::average_windows(x, x.shape().height, x.shape().width);
}

}  // namespace diffusion::nn
