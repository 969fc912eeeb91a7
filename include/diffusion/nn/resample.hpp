#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

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

}  // namespace diffusion::nn
