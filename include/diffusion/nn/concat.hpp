#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>

namespace diffusion::nn {

/// The channels of a, then those of b, at each position: the skip connection of a U-Net.
template <class T>
var<T> concat(const var<T>& a, const var<T>& b) {
    const nn::shape s = a.shape(), r = b.shape();
    diffusion::detail::require_shapes(s.with_channels(r.channels) == r, "diffusion::nn::concat",
                                      "items, height and width must be equal", s, r);
    const std::size_t m = s.channels, n = r.channels;
    nn::tape<T>& tape = a.tape();
    const var<T> y = tape.result(s.with_channels(m + n), a, b);
    for (std::size_t p = 0; p < s.rows(); ++p) {
        T* out = y.fill() + p * (m + n);
        std::copy_n(a.data() + p * m, m, out);
        std::copy_n(b.data() + p * n, n, out + m);
    }
    tape.record(y, [m, n, rows = s.rows(), da = adjoint_slot<T>(a),
                    db = adjoint_slot<T>(b)](const adjoint_slot<T>& dy) {
        const auto give = [&](const adjoint_slot<T>& part, std::size_t offset, std::size_t count) {
            if (!part.wanted()) return;
            const auto [out, first] = part.write();
            for (std::size_t p = 0; p < rows; ++p) {
                const T* in = dy.read() + p * (m + n) + offset;
                T* to = out + p * count;
                if (first) {
                    std::copy_n(in, count, to);
                } else {
                    for (std::size_t c = 0; c < count; ++c) to[c] += in[c];
                }
            }
        };
        give(da, 0, m);
        give(db, m, n);
    });
    return y;
}

}  // namespace diffusion::nn
