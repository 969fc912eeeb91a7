#pragma once

#include <cstddef>
#include <diffusion/nn/tape.hpp>

namespace diffusion::nn {

/// x + gate h, with one gate for each item and channel: the residual branch h of a block is let in
/// by as much as the condition says, and not at all where the gate is zero (Peebles and Xie 2023,
/// section 3.2, "adaLN-Zero").
///
/// x and h {items, height, width, channels}; gate {items, 1, 1, channels}.
template <class T>
var<T> add_gated(const var<T>& x, const var<T>& h, const var<T>& gate) {
    const nn::shape s = x.shape();
    diffusion::detail::require_shapes(h.shape() == s, "diffusion::nn::add_gated",
                                      "both terms must have the same shape", h.shape(), s);
    diffusion::detail::require_shapes(
        gate.shape() == nn::shape{s.items, 1, 1, s.channels}, "diffusion::nn::add_gated",
        "the gate must have one number per item and channel", gate.shape(), s);
    const std::size_t image = s.pixels() * s.channels;
    // calls f(element of x and h, element of the gate) for all of them
    const auto each = [items = s.items, image, channels = s.channels](const auto& f) {
        for (std::size_t n = 0; n < items; ++n)
            for (std::size_t p = n * image; p < (n + 1) * image; p += channels)
                for (std::size_t c = 0; c < channels; ++c) f(p + c, n * channels + c);
    };
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x, h, gate);
    each([a = x.data(), b = h.data(), g = gate.data(), out = y.fill()](
             std::size_t i, std::size_t j) { out[i] = a[i] + g[j] * b[i]; });
    tape.record(y, [each, h, gate, dx = adjoint_slot<T>(x), dh = adjoint_slot<T>(h),
                    dgate = adjoint_slot<T>(gate)](const adjoint_slot<T>& dy) {
        const T* in = dy.read();
        if (dh.wanted())
            each([in, g = gate.data(), out = dh.write_zeroed()](std::size_t i, std::size_t j) {
                out[i] += g[j] * in[i];
            });
        if (dgate.wanted())
            each([in, b = h.data(), out = dgate.write_zeroed()](std::size_t i, std::size_t j) {
                out[j] += b[i] * in[i];
            });
        if (dx.wanted()) dx.take_over(dy);
    });
    return y;
}

}  // namespace diffusion::nn
