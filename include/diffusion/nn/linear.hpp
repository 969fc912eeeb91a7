#pragma once

#include <cstddef>
#include <diffusion/nn/convolution.hpp>
#include <string>

namespace diffusion::nn {

/// y = x w + b at each position: x {items, height, width, in}, w (in, out), b (out, or an empty
/// handle). A convolution whose kernel is one pixel; `prepared` as there.
template <class T>
var<T> linear(const var<T>& x, const var<T>& w, const var<T>& b,
              const prepared_weights<T>& prepared = {}) {
    const nn::shape s = x.shape();
    diffusion::detail::require_shapes(w.size() % s.channels == 0, "diffusion::nn::linear",
                                      "the weights must fit the input's channels", w.shape(), s);
    return convolve(x, w, b, w.size() / s.channels, 1, 1, prepared);
}

/// A linear layer with its weights and bias, named `name`.weight and `name`.bias.
template <class T>
struct linear_layer {
    parameter<T> weight, bias;

    linear_layer() = default;

    /// Registers the parameters in `store`; PyTorch's initial values, or zeros.
    linear_layer(parameters<T>& store, const std::string& name, std::size_t in, std::size_t out,
                 bool zero = false) {
        const initial start = zero ? initial::zero() : initial::fan_in(in);
        weight = store.add_linear(name + ".weight", in, out, start);
        bias = store.add(name + ".bias", {out}, parameter_layout::plain, start);
    }

    template <on_tape<T> X>
    X operator()(const X& x) const {
        detail::require_channels(weight, weight.info().sizes[0], x.shape());
        return linear(x, x.tape().use(weight), x.tape().use(bias),
                      weight.owner->prepared(weight.index));
    }
};

}  // namespace diffusion::nn
