#pragma once

#include <diffusion/nn/conv/reference.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/workspace.hpp>

#include <cstddef>

/// Convolutions for float and double: each shape by the fastest of the methods in this folder.
///
/// Each pass has two halves. `conv_prepare_*` brings the weights into the form that the method
/// wants; `conv_*_prepared` does the work. The first half is needed once per set of weights and may
/// be shared by all threads and calls. `conv_forward` and `conv_backward_data` do both.
///
/// The method depends on kernel, stride and channels only, never on the batch or on the rows: an
/// image gets the same bits alone and in a batch, and in one call or cut into ranges of rows.
namespace diffusion::nn {

/// Elements of T that the prepared weights need (an upper bound for either pass).
template <class T>
std::size_t conv_prepared_size(const conv_shape& s) {
    return s.weight_size();
}

/// Prepares w (kernel, kernel, in, out) for `conv_forward_prepared`.
template <class T>
void conv_prepare_forward(const conv_shape& s, const T* w, T* prepared) {
    for (std::size_t e = 0; e < s.weight_size(); ++e) prepared[e] = w[e];
}

/// Prepares w (kernel, kernel, in, out) for `conv_backward_data_prepared`.
template <class T>
void conv_prepare_backward_data(const conv_shape& s, const T* w, T* prepared) {
    for (std::size_t e = 0; e < s.weight_size(); ++e) prepared[e] = w[e];
}

/// y = conv(x, w) + bias on the given rows of y. `bias` has s.out elements or is null.
template <class T>
void conv_forward_prepared(const conv_shape& s, const T* x, const T* prepared, const T* bias, T* y,
                           workspace&, row_range = {}) {
    reference::conv_forward(s, x, prepared, bias, y);
}

/// dx = the gradient with respect to x on the given rows of dx (overwritten).
template <class T>
void conv_backward_data_prepared(const conv_shape& s, const T* dy, const T* prepared, T* dx,
                                 workspace&, row_range = {}) {
    reference::conv_backward_data(s, dy, prepared, dx);
}

/// y = conv(x, w) + bias. `bias` has s.out elements or is null.
template <class T>
void conv_forward(const conv_shape& s, const T* x, const T* w, const T* bias, T* y, workspace&) {
    reference::conv_forward(s, x, w, bias, y);
}

/// dx = the gradient with respect to x (overwritten).
template <class T>
void conv_backward_data(const conv_shape& s, const T* dy, const T* w, T* dx, workspace&) {
    reference::conv_backward_data(s, dy, w, dx);
}

/// dw += the gradient with respect to w, dbias (if not null) += the one with respect to the bias.
template <class T>
void conv_backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, T* dbias,
                           workspace&) {
    reference::conv_backward_weights(s, x, dy, dw, dbias);
}

}  // namespace diffusion::nn
