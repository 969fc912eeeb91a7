#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <utility>

namespace diffusion::nn {

/// x / sqrt(|x|^2 + epsilon^2): each position's vector of channels brought to length 1, as before
/// `contrastive_loss`; a vector of zeros stays one. Any shape.
template <class T>
var<T> normalize_length(const var<T>& x, double epsilon = 1e-12) {
    const nn::shape s = x.shape();
    const std::size_t channels = s.channels;
    using values = detail::vec<T>;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    arena_block<T> inverse(tape.memory(), s.rows());
    for (std::size_t p = 0; p < s.rows(); ++p) {
        const T* in = x.data() + p * channels;
        const T squares = detail::sum_over<T>(
            channels, [](auto v) { return v * v; }, in);
        const T scale = inverse[p] =
            static_cast<T>(1 / std::sqrt(static_cast<double>(squares) + epsilon * epsilon));
        detail::transform(
            channels, y.fill() + p * channels, [&](values v) { return v * scale; }, in);
    }
    tape.record(y, [s, channels, y, inverse = std::move(inverse),
                    dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        // dx = (dy - y (y dy)) / length: what points along x changes nothing
        const auto [to, first] = dx.write();
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const T* g = dy.read() + p * channels;
            const T* out = y.data() + p * channels;
            const T along = detail::sum_over<T>(
                channels, [](auto a, auto b) { return a * b; }, out, g);
            const T scale = inverse[p];
            detail::transform_share(
                first, channels, to + p * channels,
                [&](values of, values v) { return scale * (of - v * along); }, g, out);
        }
    });
    return y;
}

}  // namespace diffusion::nn
