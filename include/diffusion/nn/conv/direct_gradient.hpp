#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/conv/direct.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/workspace.hpp>
#include <utility>

/// The gradients of direct.hpp's convolution, which are products of the same kind.
///
/// dw exchanges the roles: its sum runs over the pixels. dx is a convolution of dy; with stride s
/// the rows and columns of dx fall into s * s classes, by their remainder modulo s, and each class
/// sees its own taps of the kernel: every s-th.
namespace diffusion::nn::direct {

/// The taps that one remainder class of rows (or columns) of dx sees: `count` taps
/// last, last - stride, ..., the last one meeting the output `shift` in a dy with `border` zeros.
struct tap_class {
    std::size_t count, last, shift;

    /// Of row q: taps k with q + padding - k = stride * p for some p; the last k has the least p.
    tap_class(const conv_shape& s, std::size_t q, std::size_t border) {
        const std::size_t first = (q + s.padding()) % s.stride;
        count = first < s.kernel ? (s.kernel - 1 - first) / s.stride + 1 : 0;
        last = count ? first + (count - 1) * s.stride : 0;
        shift = count ? (q + s.padding() + border * s.stride - last) / s.stride : 0;
    }
};

/// Zeros around dy that `backward_data` needs.
constexpr std::size_t gradient_border(const conv_shape& s) {
    return (s.padding() + s.stride - 1) / s.stride;
}

/// The convolution from dy to dx that the gradient is for stride 1.
constexpr conv_shape reversed(conv_shape s) {
    std::swap(s.in, s.out);
    return s;
}

/// Prepares w (kernel, kernel, in, out) for `backward_data`: one matrix per class of pixels, its
/// rows the taps (backwards) and output channels, its columns the input channels.
template <class T>
void prepare_backward_data(const conv_shape& s, const T* w, T* prepared) {
    if (s.stride == 1) {  // one class that sees all taps
        const auto flipped = [&](std::size_t row, std::size_t i) {
            const std::size_t tap = s.kernel * s.kernel - 1 - row / s.out;
            return w[(tap * s.in + i) * s.out + row % s.out];
        };
        return prepare(reversed(s), flipped, prepared);
    }
    for (std::size_t qy = 0; qy < s.stride; ++qy)
        for (std::size_t qx = 0; qx < s.stride; ++qx) {
            const tap_class down(s, qy, gradient_border(s)), across(s, qx, gradient_border(s));
            const std::size_t rows = down.count * across.count * s.out;
            const auto tap = [&](std::size_t row, std::size_t i) {
                const std::size_t o = row % s.out, kx = row / s.out % across.count,
                                  ky = row / s.out / across.count;
                const std::size_t k =
                    (down.last - s.stride * ky) * s.kernel + across.last - s.stride * kx;
                return w[(k * s.in + i) * s.out + o];
            };
            detail::pack<T>(rows, s.in, tap, prepared);
            prepared += detail::packed_size<T>(rows, s.in);
        }
}

/// dx = the gradient with respect to x on the given rows of each image.
template <class T>
void backward_data(const conv_shape& s, const T* dy, const T* prepared, T* dx, workspace& scratch,
                   row_range wanted) {
    if (s.stride == 1) return forward<T>(reversed(s), dy, prepared, nullptr, dx, scratch, wanted);
    const auto [first, last] = wanted.within(s.height);
    if (first >= last) return;
    const std::size_t border = gradient_border(s);
    const std::size_t line = (s.out_width() + 2 * border) * s.out;
    const std::size_t rows = s.out_height() + 2 * border;
    T* padded = scratch.take<T>(rows * line);

    for (std::size_t n = 0; n < s.batch; ++n) {
        pad(dy + n * s.out_height() * s.out_width() * s.out, s.out_height(), s.out_width(), s.out,
            border, 0, rows, padded);
        const T* b = prepared;
        for (std::size_t class_y = 0; class_y < s.stride; ++class_y)
            for (std::size_t class_x = 0; class_x < s.stride; ++class_x) {
                const tap_class across(s, class_x, border), one(s, class_y, border);
                const std::size_t pixels =
                    class_x < s.width ? (s.width - 1 - class_x) / s.stride + 1 : 0;
                const detail::terms sum{.steps = across.count * s.out,
                                        .segments = across.count ? one.count : 0,
                                        .a_stride = s.out,
                                        .a_segment = line};
                for (std::size_t qy = class_y; qy < last; qy += s.stride) {
                    if (qy < first) continue;
                    const tap_class down(s, qy, border);
                    detail::product<T, detail::layout::by_rows>(
                        sum, pixels, s.in, padded + down.shift * line + across.shift * s.out, b,
                        true, nullptr, 0, dx + ((n * s.height + qy) * s.width + class_x) * s.in,
                        s.stride * s.in);
                }
                b += detail::packed_size<T>(one.count * across.count * s.out, s.in);
            }
    }
}

/// dw += the gradient with respect to w, or = if it is the `first`.
template <class T>
void backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, workspace& scratch,
                      bool first) {
    if (first) std::fill_n(dw, s.weight_size(), T(0));
    constexpr std::size_t lanes = detail::width<T>;
    const std::size_t line = (s.width + 2 * s.padding()) * s.in;
    const std::size_t rows = s.height + 2 * s.padding();
    const std::size_t run = s.kernel * s.in, pixels = s.out_height() * s.out_width();
    const bool few = few_outputs<T>(s);
    const std::size_t columns = detail::whole_vectors<T>(s.out);
    const bool copy = !few && columns != s.out;  // b must be readable for whole vectors

    const std::size_t padded_size = detail::whole_vectors<T>(rows * line + lanes);
    T* padded = scratch.take<T>(padded_size + std::max(pixels * columns, s.out * run));
    T* extra = padded + padded_size;
    std::fill_n(padded + rows * line, lanes, T(0));
    if (copy) std::fill_n(extra, pixels * columns, T(0));

    for (std::size_t n = 0; n < s.batch; ++n) {
        pad(x + n * s.height * s.width * s.in, s.height, s.width, s.in, s.padding(), 0, rows,
            padded);
        const T* g = dy + n * pixels * s.out;
        const std::size_t x_pixel = s.stride * s.in, x_row = s.stride * line;
        if (few) {  // dw(o, k) = sum of dy(p, o) x(p, k), then transposed
            const detail::terms sum{.steps = s.out_width(),
                                    .segments = s.out_height(),
                                    .a_stride = s.out,
                                    .a_segment = s.out_width() * s.out,
                                    .b_stride = x_pixel,
                                    .b_segment = x_row};
            for (std::size_t ky = 0; ky < s.kernel; ++ky) {
                detail::product<T, detail::layout::by_columns>(
                    sum, s.out, run, g, padded + ky * line, false, nullptr, 0, extra, run);
                for (std::size_t k = 0; k < run; ++k)
                    for (std::size_t o = 0; o < s.out; ++o)
                        dw[(ky * run + k) * s.out + o] += extra[o * run + k];
            }
            continue;
        }
        if (copy) {
            for (std::size_t p = 0; p < pixels; ++p)
                std::copy_n(g + p * s.out, s.out, extra + p * columns);
            g = extra;
        }
        const std::size_t g_pixel = copy ? columns : s.out;
        const detail::terms sum{.steps = s.out_width(),
                                .segments = s.out_height(),
                                .a_stride = x_pixel,
                                .a_segment = x_row,
                                .b_stride = g_pixel,
                                .b_segment = s.out_width() * g_pixel};
        for (std::size_t ky = 0; ky < s.kernel; ++ky) {
            T* c = dw + ky * run * s.out;
            detail::product<T, detail::layout::by_columns>(sum, run, s.out, padded + ky * line, g,
                                                           false, c, s.out, c, s.out);
        }
    }
}

}  // namespace diffusion::nn::direct
