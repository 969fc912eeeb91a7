#pragma once

#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/conv/workspace.hpp>
#include <utility>

#include <algorithm>
#include <cstddef>

/// Convolution with any odd kernel and any stride as a matrix product without copies of patches.
///
/// With channels contiguous (NHWC) the pixels under one row of the kernel are contiguous as well:
/// kernel * in numbers. The next output pixel sees the same run, stride * in numbers further on. So
/// a row of outputs is a product of a matrix whose rows overlap in memory,
///
///     y(p, o) = sum over ky, k  of  x[(s py + ky) line + s in px + k] w(ky, k, o),
///
/// with k = 0 .. kernel * in - 1: a sum over `kernel` segments (see product.hpp). Only the border
/// needs care, so each image is first copied into one that has zeros around it.
///
/// The gradients are products of the same kind. dw exchanges the roles: its sum runs over the
/// pixels. dx is a convolution of dy; with stride s the rows and columns of dx fall into s * s
/// classes, by their remainder modulo s, and each class sees its own taps of the kernel: every
/// s-th.
namespace diffusion::nn::direct {

/// Rows [first, last) of an image with `border` zeros on each side, in memory that is `to`; row
/// numbers count in the padded image.
template <class T>
void pad(const T* image, std::size_t height, std::size_t image_width, std::size_t channels,
         std::size_t border, std::size_t first, std::size_t last, T* to) {
    const std::size_t line = (image_width + 2 * border) * channels;
    for (std::size_t row = first; row < last; ++row, to += line) {
        const std::size_t from = row - border;  // wraps above the image
        if (from < height) {
            std::fill_n(to, border * channels, T(0));
            std::copy_n(image + from * image_width * channels, image_width * channels,
                        to + border * channels);
            std::fill_n(to + line - border * channels, border * channels, T(0));
        } else {
            std::fill_n(to, line, T(0));
        }
    }
}

/// With fewer outputs than half a vector the lanes are better spent on the sum.
template <class T>
constexpr bool few_outputs(const conv_shape& s) {
    return s.out <= detail::width<T> / 2 && s.kernel * s.in >= detail::width<T>;
}

template <class T>
constexpr std::size_t prepared_size(const conv_shape& s) {
    return s.kernel * s.kernel *
           std::max(detail::packed_size<T>(s.in, s.out), detail::packed_size<T>(s.out, s.in));
}

/// Brings weights into the form that `forward` reads; `at(row, o)` is the weight from `row`, which
/// counts taps and input channels, to output o.
template <class T, class At>
void prepare(const conv_shape& s, At&& at, T* prepared) {
    const std::size_t rows = s.kernel * s.kernel * s.in;
    if (!few_outputs<T>(s)) return detail::pack<T>(rows, s.out, at, prepared);
    for (std::size_t o = 0; o < s.out; ++o)
        for (std::size_t row = 0; row < rows; ++row) *prepared++ = at(row, o);
}

/// Prepares w (kernel, kernel, in, out) for `forward`.
template <class T>
void prepare_forward(const conv_shape& s, const T* w, T* prepared) {
    prepare(
        s, [&](std::size_t row, std::size_t o) { return w[row * s.out + o]; }, prepared);
}

/// One row of outputs, each a few scalar products: the lanes of a vector run along the sum.
template <class T>
void few_outputs_row(const conv_shape& s, const T* x, std::size_t line, const T* w, const T* bias,
                     T* y) {
    constexpr std::size_t lanes = detail::width<T>, pixels = 4;
    const std::size_t run = s.kernel * s.in, step = s.stride * s.in, whole = run / lanes * lanes;
    for (std::size_t p = 0; p < s.out_width(); p += pixels) {
        const std::size_t here = std::min(pixels, s.out_width() - p);
        for (std::size_t o = 0; o < s.out; ++o) {
            detail::vec<T> acc[pixels] = {};
            T rest[pixels] = {};
            for (std::size_t ky = 0; ky < s.kernel; ++ky) {
                // beyond the last pixel the first is repeated, and the result dropped
                const T* from[pixels];
                for (std::size_t i = 0; i < pixels; ++i)
                    from[i] = x + ky * line + (p + (i < here ? i : 0)) * step;
                const T* w_row = w + (o * s.kernel + ky) * run;
                for (std::size_t k = 0; k < whole; k += lanes) {
                    const detail::vec<T> w_now = detail::load(w_row + k);
                    detail::unrolled<pixels>([&](auto i) __attribute__((always_inline)) {
                        acc[i] += w_now * detail::load(from[i] + k);
                    });
                }
                for (std::size_t k = whole; k < run; ++k)
                    for (std::size_t i = 0; i < pixels; ++i) rest[i] += w_row[k] * from[i][k];
            }
            for (std::size_t i = 0; i < here; ++i) {
                const T sum = detail::sum_of<T>(acc[i]) + rest[i];
                y[(p + i) * s.out + o] = sum + (bias ? bias[o] : T(0));
            }
        }
    }
}

/// y = conv(x, w) + bias on the given rows of each image.
template <class T>
void forward(const conv_shape& s, const T* x, const T* prepared, const T* bias, T* y,
             workspace& scratch, row_range wanted) {
    const auto [first, last] = wanted.within(s.out_height());
    if (first >= last) return;
    const std::size_t line = (s.width + 2 * s.padding()) * s.in;
    const std::size_t padded_first = s.stride * first;
    const std::size_t padded_last = s.stride * (last - 1) + s.kernel;
    T* padded = scratch.take<T>((padded_last - padded_first) * line);
    const detail::terms sum{.steps = s.kernel * s.in,
                            .segments = s.kernel,
                            .a_stride = s.stride * s.in,
                            .a_segment = line};

    for (std::size_t n = 0; n < s.batch; ++n) {
        pad(x + n * s.height * s.width * s.in, s.height, s.width, s.in, s.padding(), padded_first,
            padded_last, padded);
        for (std::size_t py = first; py < last; ++py) {
            const T* a = padded + s.stride * (py - first) * line;
            T* c = y + (n * s.out_height() + py) * s.out_width() * s.out;
            if (few_outputs<T>(s)) few_outputs_row(s, a, line, prepared, bias, c);
            else
                detail::product<T, detail::layout::by_rows>(sum, s.out_width(), s.out, a, prepared,
                                                            true, bias, 0, c, s.out);
        }
    }
}

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

/// dw += the gradient with respect to w.
template <class T>
void backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, workspace& scratch) {
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
