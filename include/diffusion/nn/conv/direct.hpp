#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/conv/workspace.hpp>

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
/// direct_gradient.hpp has the gradients.
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
                    detail::unrolled<pixels>([&](auto i) DIFFUSION_INLINE {
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

}  // namespace diffusion::nn::direct
