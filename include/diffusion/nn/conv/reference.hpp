#pragma once

#include <diffusion/nn/conv/shape.hpp>

#include <algorithm>
#include <cstddef>

/// The definition of the convolution, written to be read. The fast kernels are tested against it.
///
///     y[n, p, o] = bias[o] + sum of  x[n, s p + k - pad, i] w[k, i, o]  over taps k and channels i
///
/// (p and k have two components; x is zero outside of the image; s is the stride; of an image that
/// is doubled first, x[n, q, i] is pixel q / 2, rounded down). Up to the bias this is linear in x
/// and linear in w. A loss L(y) with dy = dL/dy therefore has the gradients
///
///     dx[n, q, i] = sum over the p, k with  s p + k - pad = q  of  dy[n, p, o] w[k, i, o]
///     dw[k, i, o] = sum over n, p of  x[n, s p + k - pad, i] dy[n, p, o]
///
/// All three visit the same triples (input pixel, tap, output pixel); they only differ in which of
/// the three is written. `for_each_tap` visits the triples, the three functions below say the rest.
namespace diffusion::nn::reference {

/// Calls f(input pixel, tap, output pixel) for each tap that falls inside of its image. The pixels
/// count through the whole batch, the taps through the kernel: offsets in units of the channels.
template <class Function>
void for_each_tap(const conv_shape& s, Function&& f) {
    const std::size_t repeat = s.doubled ? 2 : 1;
    for (std::size_t n = 0; n < s.batch; ++n)
        for (std::size_t py = 0; py < s.out_height(); ++py)
            for (std::size_t px = 0; px < s.out_width(); ++px)
                for (std::size_t ky = 0; ky < s.kernel; ++ky)
                    for (std::size_t kx = 0; kx < s.kernel; ++kx) {
                        // q + padding = s p + k; unsigned, so that one test covers both ends
                        const std::size_t qy = s.stride * py + ky - s.padding();
                        const std::size_t qx = s.stride * px + kx - s.padding();
                        if (qy < repeat * s.height && qx < repeat * s.width)
                            f((n * s.height + qy / repeat) * s.width + qx / repeat,
                              ky * s.kernel + kx, (n * s.out_height() + py) * s.out_width() + px);
                    }
}

/// y = conv(x, w) + bias. `bias` has s.out elements or is null.
template <class T>
void conv_forward(const conv_shape& s, const T* x, const T* w, const T* bias, T* y) {
    for (std::size_t e = 0; e < s.output_size(); ++e) y[e] = bias ? bias[e % s.out] : T(0);
    for_each_tap(s, [&](std::size_t q, std::size_t k, std::size_t p) {
        for (std::size_t i = 0; i < s.in; ++i)
            for (std::size_t o = 0; o < s.out; ++o)
                y[p * s.out + o] += x[q * s.in + i] * w[(k * s.in + i) * s.out + o];
    });
}

/// dx = the gradient with respect to x (overwritten).
template <class T>
void conv_backward_data(const conv_shape& s, const T* dy, const T* w, T* dx) {
    std::fill_n(dx, s.input_size(), T(0));
    for_each_tap(s, [&](std::size_t q, std::size_t k, std::size_t p) {
        for (std::size_t i = 0; i < s.in; ++i)
            for (std::size_t o = 0; o < s.out; ++o)
                dx[q * s.in + i] += dy[p * s.out + o] * w[(k * s.in + i) * s.out + o];
    });
}

/// dw += the gradient with respect to w, dbias (if not null) += the one with respect to the bias.
template <class T>
void conv_backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, T* dbias) {
    if (dbias)
        for (std::size_t e = 0; e < s.output_size(); ++e) dbias[e % s.out] += dy[e];
    for_each_tap(s, [&](std::size_t q, std::size_t k, std::size_t p) {
        for (std::size_t i = 0; i < s.in; ++i)
            for (std::size_t o = 0; o < s.out; ++o)
                dw[(k * s.in + i) * s.out + o] += x[q * s.in + i] * dy[p * s.out + o];
    });
}

}  // namespace diffusion::nn::reference
