#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <utility>

namespace diffusion::nn {

/// x / sqrt(|x|^2 + epsilon^2): each position's vector of channels brought to length 1, as before
/// `contrastive_loss`; a vector of zeros stays one. Any shape.
template <class T>
var<T> normalize_length(const var<T>& x, double epsilon = 1e-12) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    arena_block<T> inverse(tape.memory(), s.rows());
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* in = x.data() + p * channels;
        double squares = epsilon * epsilon;
        for (std::size_t c = 0; c < channels; ++c)
            squares += static_cast<double>(in[c]) * static_cast<double>(in[c]);
        inverse[p] = static_cast<T>(1 / std::sqrt(squares));
        for (std::size_t c = 0; c < channels; ++c) y.fill()[p * channels + c] = in[c] * inverse[p];
    }
    tape.record(y, [s, channels, y, inverse = std::move(inverse),
                    dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        // dx = (dy - y (y dy)) / length: what points along x changes nothing
        const auto [to, first] = dx.write();
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const T* g = dy.read() + p * channels;
            const T* out = y.data() + p * channels;
            double along = 0;
            for (std::size_t c = 0; c < channels; ++c)
                along += static_cast<double>(out[c]) * static_cast<double>(g[c]);
            for (std::size_t c = 0; c < channels; ++c) {
                T& sum = to[p * channels + c];
                sum = (first ? T(0) : sum) + inverse[p] * (g[c] - out[c] * static_cast<T>(along));
            }
        }
    });
    return y;
}

}  // namespace diffusion::nn
