#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <diffusion/assert.hpp>
#include <diffusion/nn/conv/add_rows.hpp>
#include <diffusion/nn/conv/direct.hpp>
#include <diffusion/nn/conv/direct_gradient.hpp>
#include <diffusion/nn/conv/matmul.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/winograd.hpp>
#include <diffusion/nn/conv/winograd_doubled.hpp>
#include <diffusion/nn/conv/workspace.hpp>

/// Convolutions for float and double: each shape by the fastest of the methods in this folder.
///
/// Each pass has two halves. `conv_prepare_*` brings the weights into the form that the method
/// wants; `conv_*_prepared` does the work. The first half is needed once per set of weights and may
/// be shared by all threads and calls. `conv_forward` and `conv_backward_data` do both.
///
/// The method depends on kernel, stride, doubling and channels only, never on the batch or on the
/// rows: an image gets the same bits alone and in a batch, and in one call or cut into ranges of
/// rows. Prepared weights fit images of every size. (Only the sum over the batch in
/// `conv_backward_weights` is rounded differently when the batch is cut differently.)
namespace diffusion::nn {

/// The ways to compute a convolution.
enum class conv_method {
    pointwise,  ///< 1x1, stride 1: one product over all pixels (matmul.hpp)
    winograd,   ///< 3x3, stride 1, float, channels that fill a vector on both sides (winograd.hpp)
    doubled,    ///< the same of a doubled image (winograd_doubled.hpp)
    direct      ///< everything else (direct.hpp)
};

/// Whether Winograd's methods may be used between so many channels: they would cost double its last
/// digits. Only then has the convolution of a doubled image a method of its own.
template <class T>
constexpr bool winograd_fits(std::size_t in, std::size_t out) {
    return std::same_as<T, float> && std::min(in, out) >= detail::width<T>;
}

/// The method for this shape.
template <class T>
constexpr conv_method conv_method_for(const conv_shape& s) {
    if (s.doubled) return conv_method::doubled;
    if (s.kernel == 1 && s.stride == 1 && !direct::few_outputs<T>(s)) return conv_method::pointwise;
    const bool filter = s.kernel == 3 && s.stride == 1;
    return filter && winograd_fits<T>(s.in, s.out) ? conv_method::winograd : conv_method::direct;
}

namespace detail {

/// f(first pixel, pixels) for the given rows of each image, or once for all rows of all images.
template <class Function>
void for_pixels(const conv_shape& s, row_range rows, Function&& f) {
    const auto [first, last] = rows.within(s.height);
    const std::size_t image = s.height * s.width;
    if (first == 0 && last == s.height) return f(std::size_t(0), s.batch * image);
    for (std::size_t n = 0; n < s.batch && first < last; ++n)
        f(n * image + first * s.width, (last - first) * s.width);
}

/// Stops a debug build at a shape that no method takes.
template <class T>
void assert_shape([[maybe_unused]] const conv_shape& s) {
    DIFFUSION_ASSERT(s.kernel % 2 == 1 && s.stride >= 1, "the kernel is odd, the stride positive");
    DIFFUSION_ASSERT(
        !s.doubled || (s.kernel == 3 && s.stride == 1 && winograd_fits<T>(s.in, s.out)),
        "a doubled image is convolved by 3x3 from and to whole vectors of floats");
}

}  // namespace detail

/// Elements of T that the weights of either pass need when prepared. They are read fastest from a
/// 64-byte boundary.
template <class T>
std::size_t conv_prepared_size(const conv_shape& s) {
    const auto larger = [&]<class Kind>(Kind) {
        return std::max(winograd::prepared_size<T, Kind>(s.in, s.out),
                        winograd::prepared_size<T, Kind>(s.out, s.in));
    };
    if (conv_method_for<T>(s) == conv_method::winograd) return larger(winograd::same_size{});
    if (conv_method_for<T>(s) == conv_method::doubled) return larger(winograd::doubled{});
    return direct::prepared_size<T>(s);
}

/// Prepares w (kernel, kernel, in, out) for `conv_forward_prepared`. `past_caches`: they will be
/// read so much later that the caches would not hold them.
template <class T>
void conv_prepare_forward(const conv_shape& s, const T* w, T* prepared, bool past_caches = false) {
    detail::assert_shape<T>(s);
    switch (conv_method_for<T>(s)) {
        case conv_method::pointwise:
            return matmul_pack(s.in, s.out, w, prepared);
        case conv_method::winograd:
            return winograd::prepare_forward<winograd::same_size>(s.in, s.out, w, prepared,
                                                                  past_caches);
        case conv_method::doubled:
            return winograd::prepare_forward<winograd::doubled>(s.in, s.out, w, prepared,
                                                                past_caches);
        case conv_method::direct:
            return direct::prepare_forward(s, w, prepared);
    }
}

/// Prepares w (kernel, kernel, in, out) for `conv_backward_data_prepared`; `past_caches` as there.
template <class T>
void conv_prepare_backward_data(const conv_shape& s, const T* w, T* prepared,
                                bool past_caches = false) {
    detail::assert_shape<T>(s);
    switch (conv_method_for<T>(s)) {
        case conv_method::pointwise:
            return matmul_pack_transposed(s.in, s.out, w, prepared);
        case conv_method::winograd:
            return winograd::prepare_backward_data<winograd::same_size>(s.in, s.out, w, prepared,
                                                                        past_caches);
        case conv_method::doubled:
            return winograd::prepare_backward_data<winograd::halved>(s.in, s.out, w, prepared,
                                                                     past_caches);
        case conv_method::direct:
            return direct::prepare_backward_data(s, w, prepared);
    }
}

/// y = conv(x, w) + bias on the given rows of y. `bias` has s.out elements or is null.
template <class T>
void conv_forward_prepared(const conv_shape& s, const T* x, const T* prepared, const T* bias, T* y,
                           workspace& scratch, row_range rows = {}) {
    switch (conv_method_for<T>(s)) {
        case conv_method::pointwise:
            return detail::for_pixels(s, rows, [&](std::size_t first, std::size_t count) {
                matmul_packed(count, s.out, s.in, x + first * s.in, prepared, bias,
                              y + first * s.out);
            });
        case conv_method::winograd:
            return winograd::forward<winograd::same_size>(s, x, prepared, bias, y, scratch, rows);
        case conv_method::doubled:
            return winograd::forward<winograd::doubled>(s.of_doubled(), x, prepared, bias, y,
                                                        scratch, rows);
        case conv_method::direct:
            return direct::forward(s, x, prepared, bias, y, scratch, rows);
    }
}

/// dx = the gradient with respect to x on the given rows of dx (overwritten).
template <class T>
void conv_backward_data_prepared(const conv_shape& s, const T* dy, const T* prepared, T* dx,
                                 workspace& scratch, row_range rows = {}) {
    const conv_shape reversed = direct::reversed(s);  // for stride 1: a convolution of dy
    switch (conv_method_for<T>(s)) {
        case conv_method::pointwise:
            return detail::for_pixels(s, rows, [&](std::size_t first, std::size_t count) {
                matmul_packed<T>(count, s.in, s.out, dy + first * s.out, prepared, nullptr,
                                 dx + first * s.in);
            });
        case conv_method::winograd:
            return winograd::forward<winograd::same_size, T>(reversed, dy, prepared, nullptr, dx,
                                                             scratch, rows);
        case conv_method::doubled: {
            const auto [first, last] = rows.within(s.height);
            return winograd::forward<winograd::halved, T>(direct::reversed(s.of_doubled()), dy,
                                                          prepared, nullptr, dx, scratch,
                                                          {2 * first, 2 * last});
        }
        case conv_method::direct:
            return direct::backward_data(s, dy, prepared, dx, scratch, rows);
    }
}

/// y = conv(x, w) + bias. `bias` has s.out elements or is null.
template <class T>
void conv_forward(const conv_shape& s, const T* x, const T* w, const T* bias, T* y,
                  workspace& scratch) {
    if (conv_method_for<T>(s) == conv_method::pointwise)  // may do without preparing
        return matmul(s.batch * s.height * s.width, s.out, s.in, x, w, bias, y, scratch);
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

/// dw += the gradient with respect to w, or = if it is the `first`; dbias (if not null) += the one
/// with respect to the bias.
template <class T>
void conv_backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, T* dbias,
                           workspace& scratch, bool first = false) {
    const std::size_t pixels = s.batch * s.out_height() * s.out_width();
    if (dbias) detail::add_rows(pixels, s.out, dy, dbias, scratch.take<double>(s.out));

    conv_method method = conv_method_for<T>(s);
    // going back from 36 numbers to nine taps costs as much as the products of a few tiles
    if (method == conv_method::winograd && winograd::tiling(s, {}).count < 8)
        method = conv_method::direct;
    switch (method) {
        case conv_method::pointwise:
            return matmul_backward_weights(pixels, s.out, s.in, x, dy, dw, scratch, first);
        case conv_method::winograd:
            return winograd::backward_weights<winograd::same_size>(s, x, dy, dw, scratch, first);
        case conv_method::doubled:
            return winograd::backward_weights<winograd::doubled>(s.of_doubled(), x, dy, dw, scratch,
                                                                 first);
        case conv_method::direct:
            return direct::backward_weights(s, x, dy, dw, scratch, first);
    }
}

}  // namespace diffusion::nn
