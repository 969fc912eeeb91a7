#pragma once

#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// A loss of any form, the mean over the positions p of x {items, height, width, channels}:
///
///     L = mean over positions p of  f(p, x_p)
///
/// `f(p, row, slope)` is given the channels of one position and returns its loss; if `slope` is not
/// empty, it also writes there the derivatives with respect to the row. That is the way onto the
/// tape for losses whose formulas stand elsewhere. f is called at once, row by row, and not kept.
template <class T, class F>
var<T> row_loss(const var<T>& x, F&& f) {
    const nn::shape s = x.shape();
    const std::size_t rows = s.rows(), channels = s.channels;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, x);
    const bool wanted = y.needs_gradient();
    const var<T> slopes = wanted ? tape.result(s) : var<T>{};
    double sum = 0;
    for (std::size_t p = 0; p < rows; ++p) {
        const std::span<const T> row(x.data() + p * channels, channels);
        const std::span<T> slope =
            wanted ? std::span<T>(slopes.fill() + p * channels, channels) : std::span<T>{};
        sum += static_cast<double>(f(p, row, slope));
    }
    *y.fill() = static_cast<T>(sum / static_cast<double>(rows));
    tape.record(y, [slopes, rows, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        const T factor =
            static_cast<T>(static_cast<double>(*dy.read()) / static_cast<double>(rows));
        for (std::size_t i = 0; i < slopes.size(); ++i)
            out[i] = (first ? T(0) : out[i]) + factor * slopes.data()[i];
    });
    return y;
}

}  // namespace diffusion::nn
