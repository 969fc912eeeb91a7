#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/tape.hpp>
#include <diffusion/random/fill.hpp>
#include <span>

namespace diffusion::nn {

/// Which elements a dropout keeps: a function of these and of the element's number.
struct dropout_options {
    double rate = 0.1;           ///< probability of 0, in [0, 1); 0 to evaluate a trained network
    std::uint64_t seed = 0;      ///< of the training
    std::uint64_t step = 0;      ///< number of the training step
    std::uint32_t layer = 0;     ///< number of the dropout in the network
    std::size_t first_item = 0;  ///< number in the whole batch of the first item of this lane
};

}  // namespace diffusion::nn

namespace diffusion::nn::detail {

/// out = in / (1 - rate) where kept and 0 elsewhere; added to what `out` holds unless `first`.
template <class T>
void scale_kept(const dropout_options& o, std::size_t per_item, std::size_t count, const T* in,
                bool first, T* out) {
    const noise_address where{noise_stream::dropout, o.step, o.layer};
    const float rate = static_cast<float>(o.rate);
    const T factor = static_cast<T>(1 / (1 - o.rate));
    float u[1024];  // float for any T: both precisions keep the same elements
    for (std::size_t i = 0; i < count; i += std::size(u)) {
        const std::size_t n = std::min(count - i, std::size(u));
        fill_uniform(std::span<float>(u, n), o.seed, where,
                     static_cast<std::uint64_t>(o.first_item) * per_item + i);
        for (std::size_t j = 0; j < n; ++j) {
            const T share = u[j] < rate ? T(0) : factor * in[i + j];
            out[i + j] = first ? share : out[i + j] + share;
        }
    }
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Dropout (Srivastava et al. 2014; scaled in training, so that nothing changes afterwards): each
/// element becomes 0 with probability `rate`, else x / (1 - rate). Any shape.
///
/// The choice is not stored: it is a pure function of (seed, step, layer, item, element), computed
/// again on the way back. A batch cut into lanes, given `first_item`, drops what the whole would:
/// the same bits for any number of threads.
template <class T>
var<T> dropout(const var<T>& x, const dropout_options& options) {
    diffusion::detail::require(options.rate >= 0 && options.rate < 1, "diffusion::nn::dropout",
                               "the rate must lie in [0, 1)", options.rate);
    if (options.rate == 0) return x;
    const nn::shape s = x.shape();
    const std::size_t per_item = s.pixels() * s.channels;
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    detail::scale_kept(options, per_item, s.size(), x.data(), true, y.fill());
    tape.record(y, [options, per_item, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dx.write();
        detail::scale_kept(options, per_item, dx.size(), dy.read(), first, out);
    });
    return y;
}

}  // namespace diffusion::nn
