#pragma once

#include <cstddef>
#include <diffusion/nn/conv/conv3x3.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>
#include <utility>

namespace diffusion::nn {

/// Convolution of x {items, height, width, in} with weights (kernel, kernel, in, out) and a bias
/// (out, or an empty handle): the border is padded with kernel / 2 zeros, the result is {items,
/// ceil(height/stride), ceil(width/stride), out}. See conv/reference.hpp for the formula.
///
/// `prepared`: the weights in the form which the fast methods want, if the caller has it already.
template <class T>
var<T> convolve(const var<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                std::size_t kernel, std::size_t stride = 1,
                const prepared_weights<T>& prepared = {}) {
    const nn::shape in = x.shape();
    const conv_shape s{in.items, in.height, in.width, in.channels, out, kernel, stride};
    diffusion::detail::require_shapes(w.size() == s.weight_size(), "diffusion::nn::convolve",
                                      "the weights must fit kernel, input and output channels",
                                      w.shape(), in);
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({in.items, s.out_height(), s.out_width(), out}, x, w, b);
    const T* bias = b ? b.data() : nullptr;
    if (prepared.forward != nullptr) {
        conv_forward_prepared(s, x.data(), prepared.forward, bias, y.fill(), tape.scratch());
    } else {
        conv_forward(s, x.data(), w.data(), bias, y.fill(), tape.scratch());
    }
    tape.record(y, [s, w, x = w.needs_gradient() ? x : var<T>(), backward = prepared.backward,
                    dx = adjoint_slot<T>(x), dw = adjoint_slot<T>(w),
                    db = adjoint_slot<T>(b)](const adjoint_slot<T>& dy) {
        workspace& scratch = w.tape().scratch();
        if (dw.wanted()) {
            conv_backward_weights(s, x.data(), dy.read(), dw.write_zeroed(),
                                  db.wanted() ? db.write_zeroed() : nullptr, scratch);
        } else if (db.wanted()) {
            T* sum = db.write_zeroed();
            for (std::size_t p = 0; p < dy.size(); p += s.out)
                for (std::size_t o = 0; o < s.out; ++o) sum[o] += dy.read()[p + o];
        }
        if (!dx.wanted()) return;
        const auto to = dx.write();
        arena_block<T> share;
        if (!to.first) share = arena_block<T>(dx.memory(), dx.size());
        T* out_gradient = to.first ? to.data : share.data();
        if (backward != nullptr) {
            conv_backward_data_prepared(s, dy.read(), backward, out_gradient, scratch);
        } else {
            conv_backward_data(s, dy.read(), w.data(), out_gradient, scratch);
        }
        if (!to.first) dx.add(share.data());
    });
    return y;
}

/// A convolution layer with its weights and bias, named `name`.weight and `name`.bias. The same
/// layer with kernel 1 is a linear map of the channels at each position.
template <class T>
struct conv2d {
    parameter<T> weight, bias;
    std::size_t in = 0, out = 0, kernel = 3, stride = 1;

    conv2d() = default;

    /// Registers the parameters in `store`. `start`: of the weights; by default PyTorch's rule for
    /// weights and bias; with `initial::zero()` both are zero.
    conv2d(parameters<T>& store, const std::string& name, std::size_t in_channels,
           std::size_t out_channels, std::size_t kernel_size = 3, std::size_t step = 1,
           bool zero = false)
        : in(in_channels), out(out_channels), kernel(kernel_size), stride(step) {
        diffusion::detail::require(kernel % 2 == 1, "diffusion::nn::conv2d",
                                   "the kernel's size must be odd", kernel);
        const initial start = zero ? initial::zero() : initial::fan_in(kernel * kernel * in);
        weight = store.add_convolution(name + ".weight",
                                       conv_shape{1, 1, 1, in, out, kernel, stride}, start);
        bias = store.add(name + ".bias", {out}, parameter_layout::plain, start);
    }

    explicit operator bool() const { return static_cast<bool>(weight); }

    var<T> operator()(const var<T>& x) const {
        if (x.shape().channels != in)
            diffusion::detail::reject(weight.info().name.c_str(),
                                      "the input must have the layer's number of channels",
                                      nn::to_string(x.shape()));
        nn::tape<T>& tape = x.tape();
        return convolve(x, tape.use(weight), tape.use(bias), out, kernel, stride,
                        weight.owner->prepared(weight.index));
    }
};

}  // namespace diffusion::nn
