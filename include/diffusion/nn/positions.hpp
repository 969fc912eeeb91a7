#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

/// Where a token stands: attention treats its positions alike, so what depends on their order or
/// place must be told to it.
namespace diffusion::nn {

/// The sinusoids of the positions p = 0 ... length - 1 of a sequence, {1, 1, length, channels}
/// (Vaswani et al. 2017, section 3.5, with all sines before all cosines):
///
///     sin(f_i p), i = 0 ... half - 1, then cos(f_i p);   f_i = 10000^(-i/half)
///
/// `channels` must be even, with half = channels / 2.
template <class T>
var<T> sincos_positions(nn::tape<T>& tape, std::size_t length, std::size_t channels) {
    diffusion::detail::require(channels > 0 && channels % 2 == 0, "diffusion::nn::sincos_positions",
                               "the channels must be even", channels);
    const std::size_t half = channels / 2;
    const var<T> y = tape.result({1, 1, length, channels});
    for (std::size_t i = 0; i < half; ++i) {
        const double f = std::pow(10000, -static_cast<double>(i) / static_cast<double>(half));
        for (std::size_t p = 0; p < length; ++p) {
            y.fill()[p * channels + i] = static_cast<T>(std::sin(f * static_cast<double>(p)));
            y.fill()[p * channels + half + i] =
                static_cast<T>(std::cos(f * static_cast<double>(p)));
        }
    }
    return y;
}

/// The same on a grid, {1, height, width, channels}: the first half of the channels holds the
/// sinusoids of the column, the second half those of the row (Dosovitskiy et al. 2021, appendix
/// D.4; Peebles and Xie 2023). `channels` must be a multiple of 4.
template <class T>
var<T> sincos_positions(nn::tape<T>& tape, std::size_t height, std::size_t width,
                        std::size_t channels) {
    diffusion::detail::require(channels > 0 && channels % 4 == 0, "diffusion::nn::sincos_positions",
                               "the channels must be a multiple of 4", channels);
    const std::size_t half = channels / 2;
    const var<T> columns = sincos_positions(tape, width, half);
    const var<T> rows = sincos_positions(tape, height, half);
    const var<T> y = tape.result({1, height, width, channels});
    T* out = y.fill();
    for (std::size_t i = 0; i < height; ++i)
        for (std::size_t j = 0; j < width; ++j) {
            out = std::copy_n(columns.data() + j * half, half, out);
            out = std::copy_n(rows.data() + i * half, half, out);
        }
    return y;
}

/// x + table, the same table for every item, fixed or learned: x {items, height, width, channels};
/// the table, of any shape, has the elements of one item in their order.
template <class T>
var<T> add_to_items(const var<T>& x, const var<T>& table) {
    const nn::shape s = x.shape();
    const std::size_t size = s.pixels() * s.channels;
    diffusion::detail::require_shapes(
        table.size() == size, "diffusion::nn::add_to_items",
        "the table must have as many elements as an item of the value", table.shape(), s);
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, table);
    for (std::size_t n = 0; n < s.items; ++n)
        for (std::size_t i = 0; i < size; ++i)
            y.fill()[n * size + i] = x.data()[n * size + i] + table.data()[i];
    tape.record(y, [items = s.items, size, dx = adjoint_slot<T>(x),
                    dtable = adjoint_slot<T>(table)](const adjoint_slot<T>& dy) {
        if (dtable.wanted()) {
            T* sum = dtable.write_zeroed();
            for (std::size_t n = 0; n < items; ++n)
                for (std::size_t i = 0; i < size; ++i) sum[i] += dy.read()[n * size + i];
        }
        if (dx.wanted()) dx.take_over(dy);
    });
    return y;
}

}  // namespace diffusion::nn
