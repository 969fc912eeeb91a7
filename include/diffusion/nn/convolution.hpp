#pragma once

#include <cstddef>
#include <diffusion/nn/conv/add_rows.hpp>
#include <diffusion/nn/conv/conv3x3.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>
#include <utility>

namespace diffusion::nn::detail {

inline void require_kernel(const conv_shape& s, const char* function) {
    diffusion::detail::require(s.kernel % 2 == 1, function, "the kernel's size must be odd",
                               s.kernel);
    diffusion::detail::require(s.stride > 0, function, "the stride must be at least 1", s.stride);
}

/// Checks what a convolution from x is given; `b` may be an empty handle.
template <class T>
void require_weights(const conv_shape& s, const var<T>& x, const var<T>& w, const var<T>& b,
                     std::size_t out, const char* function) {
    require_kernel(s, function);
    diffusion::detail::require_shapes(w.size() == s.weight_size(), function,
                                      "the weights must fit kernel, input and output channels",
                                      w.shape(), x.shape());
    diffusion::detail::require(!b || b.size() == out, function,
                               "the bias must have one number per output channel",
                               b ? b.size() : 0);
}

/// The convolution that s describes, after the checks.
template <class T>
var<T> convolve(const conv_shape& s, const var<T>& x, const var<T>& w, const var<T>& b,
                const prepared_weights<T>& prepared) {
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({s.batch, s.out_height(), s.out_width(), s.out}, x, w, b);
    const T* bias = b ? b.data() : nullptr;
    tape.count(w.data(), s.operations());
    if (prepared.forward != nullptr) {
        conv_forward_prepared(s, x.data(), prepared.forward, bias, y.fill(), tape.scratch());
    } else {
        conv_forward(s, x.data(), w.data(), bias, y.fill(), tape.scratch());
    }
    tape.record(y, [s, w, x = w.needs_gradient() ? x : var<T>(), backward = prepared.backward,
                    dx = adjoint_slot<T>(x), dw = adjoint_slot<T>(w),
                    db = adjoint_slot<T>(b)](const adjoint_slot<T>& dy) mutable {
        workspace& scratch = w.tape().scratch();
        if (dw.wanted()) {
            const auto to = dw.write();
            conv_backward_weights(s, x.data(), dy.read(), to.data,
                                  db.wanted() ? db.write_zeroed() : nullptr, scratch, to.first);
        } else if (db.wanted()) {
            detail::add_rows(dy.size() / s.out, s.out, dy.read(), db.write_zeroed(),
                             scratch.take<double>(s.out));
        }
        if (!dx.wanted()) return;
        x = {};  // its memory is often what dx is put into
        overwritten_share<T> share(dx);
        if (backward != nullptr) {
            conv_backward_data_prepared(s, dy.read(), backward, share.data(), scratch);
        } else {
            conv_backward_data(s, dy.read(), w.data(), share.data(), scratch);
        }
        share.finish();
    });
    return y;
}

/// Checks what a layer is given; the error names its weights.
template <class T>
void require_channels(const parameter<T>& weight, std::size_t channels, const nn::shape& given) {
    if (given.channels != channels)
        diffusion::detail::reject(weight.info().name.c_str(),
                                  "the input must have the layer's number of channels",
                                  nn::to_string(given));
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Convolution of x {items, height, width, in} with weights (kernel, kernel, in, out) and a bias
/// (out, or an empty handle): the border is padded with kernel / 2 zeros, the result is {items,
/// ceil(height/stride), ceil(width/stride), out}. See conv/reference.hpp for the formula.
///
/// `prepared`: the weights in the form which the fast methods want, if the caller has it already;
/// that of a layer fits the operation which the layer calls, no other.
template <class T>
var<T> convolve(const var<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                std::size_t kernel, std::size_t stride = 1,
                const prepared_weights<T>& prepared = {}) {
    const nn::shape in = x.shape();
    const conv_shape s{in.items, in.height, in.width, in.channels, out, kernel, stride};
    detail::require_weights(s, x, w, b, out, "diffusion::nn::convolve");
    return detail::convolve(s, x, w, b, prepared);
}

/// `convolve` with a 3x3 kernel of `upsample_nearest` of x: the step up of a U-Net. In float, from
/// and to channels that fill a vector, without making the larger image and with fewer products.
template <class T>
var<T> convolve_doubled(const var<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                        const prepared_weights<T>& prepared = {}) {
    const nn::shape in = x.shape();
    if (!winograd_fits<T>(in.channels, out))
        return convolve(upsample_nearest(x), w, b, out, 3, 1, prepared);
    const conv_shape s{in.items, in.height, in.width, in.channels, out, 3, 1, true};
    detail::require_weights(s, x, w, b, out, "diffusion::nn::convolve_doubled");
    return detail::convolve(s, x, w, b, prepared);
}

/// Transposed convolution of x {items, height, width, in} with weights (kernel, kernel, out, in)
/// and a bias (out, or an empty handle): {items, stride height, stride width, out}.
///
///     y[n, stride p + k - kernel / 2, o] = bias[o] + sum over p, k, i of  x[n, p, i] w[k, o, i]
///
/// Each pixel of x paints a kernel x kernel stamp and overlapping stamps add up (Zeiler et al.
/// 2010; Long et al. 2015, section 3.3). It is the adjoint of `convolve` with this stride from y to
/// x, and computed by the same kernels. In PyTorch: padding = kernel / 2, output_padding = stride -
/// 1. Where the stride does not divide the kernel, pixels of y get different numbers of stamps:
/// the checkerboard of Odena et al. (2016). A 2x2 kernel of stride 2, whose stamps do not overlap,
/// is `linear` and `pixel_shuffle`.
///
/// `prepared`: of that convolution, as for `convolve`.
template <class T>
var<T> convolve_transposed(const var<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                           std::size_t kernel, std::size_t stride = 2,
                           const prepared_weights<T>& prepared = {}) {
    const nn::shape in = x.shape();
    const conv_shape s{in.items, stride * in.height, stride * in.width, out, in.channels, kernel,
                       stride};
    detail::require_weights(s, x, w, b, out, "diffusion::nn::convolve_transposed");
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result({in.items, s.height, s.width, out}, x, w, b);
    tape.count(w.data(), s.operations());
    if (prepared.backward != nullptr) {
        conv_backward_data_prepared(s, x.data(), prepared.backward, y.fill(), tape.scratch());
    } else {
        conv_backward_data(s, x.data(), w.data(), y.fill(), tape.scratch());
    }
    if (b)
        for (std::size_t p = 0; p < y.size(); p += out)
            for (std::size_t o = 0; o < out; ++o) y.fill()[p + o] += b.data()[o];
    tape.record(y, [s, w, x = w.needs_gradient() ? x : var<T>(), forward = prepared.forward,
                    dx = adjoint_slot<T>(x), dw = adjoint_slot<T>(w),
                    db = adjoint_slot<T>(b)](const adjoint_slot<T>& dy) mutable {
        workspace& scratch = w.tape().scratch();
        if (dw.wanted()) {
            const auto to = dw.write();
            conv_backward_weights<T>(s, dy.read(), x.data(), to.data, nullptr, scratch, to.first);
        }
        if (db.wanted())
            detail::add_rows(dy.size() / s.in, s.in, dy.read(), db.write_zeroed(),
                             scratch.take<double>(s.in));
        if (!dx.wanted()) return;
        x = {};
        overwritten_share<T> share(dx);
        if (forward != nullptr) {
            conv_forward_prepared<T>(s, dy.read(), forward, nullptr, share.data(), scratch);
        } else {
            conv_forward<T>(s, dy.read(), w.data(), nullptr, share.data(), scratch);
        }
        share.finish();
    });
    return y;
}

/// A convolution layer with its weights and bias, named `name`.weight and `name`.bias. The same
/// layer with kernel 1 is a linear map of the channels at each position.
template <class T>
struct conv2d {
    parameter<T> weight, bias;
    std::size_t in = 0, out = 0, kernel = 3, stride = 1;
    bool doubles = false;  // its input first

    conv2d() = default;

    /// A 3x3 convolution of its input made twice as large by `upsample_nearest`.
    static conv2d of_doubled(parameters<T>& store, const std::string& name, std::size_t in_channels,
                             std::size_t out_channels) {
        return {store, name, in_channels, out_channels, 3, 1, false, true};
    }

    /// Registers the parameters in `store`, with PyTorch's initial values, or zeros.
    /// `doubles_first`: see `of_doubled`; for kernel 3 and stride 1.
    conv2d(parameters<T>& store, const std::string& name, std::size_t in_channels,
           std::size_t out_channels, std::size_t kernel_size = 3, std::size_t step = 1,
           bool zero = false, bool doubles_first = false)
        : in(in_channels),
          out(out_channels),
          kernel(kernel_size),
          stride(step),
          doubles(doubles_first) {
        const conv_shape s{1, 1, 1, in, out, kernel, stride, doubles && winograd_fits<T>(in, out)};
        detail::require_kernel(s, "diffusion::nn::conv2d");
        diffusion::detail::require(!doubles || (kernel == 3 && stride == 1),
                                   "diffusion::nn::conv2d",
                                   "what doubles first has kernel 3 and stride 1", kernel);
        const initial start = zero ? initial::zero() : initial::fan_in(kernel * kernel * in);
        weight = store.add_convolution(name + ".weight", s, start);
        bias = store.add(name + ".bias", {out}, parameter_layout::plain, start);
    }

    explicit operator bool() const { return static_cast<bool>(weight); }

    template <on_tape<T> X>
    X operator()(const X& x) const {
        detail::require_channels(weight, in, x.shape());
        nn::tape<T>& tape = x.tape();
        const prepared_weights<T> prepared = weight.owner->prepared(weight.index);
        if (doubles) return convolve_doubled(x, tape.use(weight), tape.use(bias), out, prepared);
        return convolve(x, tape.use(weight), tape.use(bias), out, kernel, stride, prepared);
    }
};

/// A transposed convolution with its weights and bias, named `name`.weight and `name`.bias.
template <class T>
struct conv2d_transposed {
    parameter<T> weight, bias;
    std::size_t in = 0, out = 0, kernel = 3, stride = 2;

    conv2d_transposed() = default;

    /// Registers the parameters in `store`, with PyTorch's initial values.
    conv2d_transposed(parameters<T>& store, const std::string& name, std::size_t in_channels,
                      std::size_t out_channels, std::size_t kernel_size = 3, std::size_t step = 2)
        : in(in_channels), out(out_channels), kernel(kernel_size), stride(step) {
        const conv_shape s{1, 1, 1, out, in, kernel, stride};  // of the convolution from y to x
        detail::require_kernel(s, "diffusion::nn::conv2d_transposed");
        const initial start = initial::fan_in(kernel * kernel * out);
        weight = store.add_convolution(name + ".weight", s, start);
        bias = store.add(name + ".bias", {out}, parameter_layout::plain, start);
    }

    var<T> operator()(const var<T>& x) const {
        detail::require_channels(weight, in, x.shape());
        nn::tape<T>& tape = x.tape();
        return convolve_transposed(x, tape.use(weight), tape.use(bias), out, kernel, stride,
                                   weight.owner->prepared(weight.index));
    }
};

}  // namespace diffusion::nn
