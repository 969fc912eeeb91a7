#pragma once

#include <diffusion/nn/conv/direct.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/winograd.hpp>
#include <diffusion/nn/conv/workspace.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <utility>

/// Convolutions for float and double: each shape by the fastest of the methods in this folder.
///
/// Each pass has two halves. `conv_prepare_*` brings the weights into the form that the method
/// wants; `conv_*_prepared` does the work. The first half is needed once per set of weights and may
/// be shared by all threads and calls. `conv_forward` and `conv_backward_data` do both.
///
/// The method depends on kernel, stride and channels only, never on the batch or on the rows: an
/// image gets the same bits alone and in a batch, and in one call or cut into ranges of rows.
/// Prepared weights fit images of every size.
namespace diffusion::nn {

/// Whether Winograd's method computes this shape: 3x3, stride 1, single precision (it would cost
/// double its last digits) and enough channels to fill a vector on both sides.
template <class T>
constexpr bool conv_uses_winograd(const conv_shape& s) {
    return std::same_as<T, float> && s.kernel == 3 && s.stride == 1 &&
           std::min(s.in, s.out) >= detail::width<T>;
}

/// Elements of T that the weights of either pass need when prepared. They are read fastest from a
/// 64-byte boundary.
template <class T>
std::size_t conv_prepared_size(const conv_shape& s) {
    if (conv_uses_winograd<T>(s))
        return std::max(winograd::prepared_size<T>(s.in, s.out),
                        winograd::prepared_size<T>(s.out, s.in));
    return direct::prepared_size<T>(s);
}

/// Prepares w (kernel, kernel, in, out) for `conv_forward_prepared`.
template <class T>
void conv_prepare_forward(const conv_shape& s, const T* w, T* prepared) {
    if (conv_uses_winograd<T>(s))
        winograd::prepare<T>(
            s.in, s.out,
            [&](std::size_t row, std::size_t col, std::size_t i, std::size_t o) {
                return w[((row * 3 + col) * s.in + i) * s.out + o];
            },
            prepared);
    else direct::prepare_forward(s, w, prepared);
}

/// Prepares w (kernel, kernel, in, out) for `conv_backward_data_prepared`.
template <class T>
void conv_prepare_backward_data(const conv_shape& s, const T* w, T* prepared) {
    if (conv_uses_winograd<T>(s))  // flipped and transposed, dx is the convolution of dy
        winograd::prepare<T>(
            s.out, s.in,
            [&](std::size_t row, std::size_t col, std::size_t o, std::size_t i) {
                return w[(((2 - row) * 3 + 2 - col) * s.in + i) * s.out + o];
            },
            prepared);
    else direct::prepare_backward_data(s, w, prepared);
}

/// y = conv(x, w) + bias on the given rows of y. `bias` has s.out elements or is null.
template <class T>
void conv_forward_prepared(const conv_shape& s, const T* x, const T* prepared, const T* bias, T* y,
                           workspace& scratch, row_range rows = {}) {
    if (conv_uses_winograd<T>(s)) winograd::forward(s, x, prepared, bias, y, scratch, rows);
    else direct::forward(s, x, prepared, bias, y, scratch, rows);
}

/// dx = the gradient with respect to x on the given rows of dx (overwritten).
template <class T>
void conv_backward_data_prepared(const conv_shape& s, const T* dy, const T* prepared, T* dx,
                                 workspace& scratch, row_range rows = {}) {
    if (conv_uses_winograd<T>(s)) {
        conv_shape flipped = s;
        std::swap(flipped.in, flipped.out);
        winograd::forward<T>(flipped, dy, prepared, nullptr, dx, scratch, rows);
    } else {
        direct::backward_data(s, dy, prepared, dx, scratch, rows);
    }
}

/// y = conv(x, w) + bias. `bias` has s.out elements or is null.
template <class T>
void conv_forward(const conv_shape& s, const T* x, const T* w, const T* bias, T* y,
                  workspace& scratch) {
    T* prepared = scratch.keep<T>(conv_prepared_size<T>(s));
    conv_prepare_forward(s, w, prepared);
    conv_forward_prepared(s, x, prepared, bias, y, scratch);
}

/// dx = the gradient with respect to x (overwritten).
template <class T>
void conv_backward_data(const conv_shape& s, const T* dy, const T* w, T* dx, workspace& scratch) {
    T* prepared = scratch.keep<T>(conv_prepared_size<T>(s));
    conv_prepare_backward_data(s, w, prepared);
    conv_backward_data_prepared(s, dy, prepared, dx, scratch);
}

/// dw += the gradient with respect to w, dbias (if not null) += the one with respect to the bias.
template <class T>
void conv_backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, T* dbias,
                           workspace& scratch) {
    if (dbias)
        detail::add_rows(s.batch * s.out_height() * s.out_width(), s.out, dy, dbias,
                         scratch.take<double>(s.out));
    if (conv_uses_winograd<T>(s)) winograd::backward_weights(s, x, dy, dw, scratch);
    else direct::backward_weights(s, x, dy, dw, scratch);
}

}  // namespace diffusion::nn
