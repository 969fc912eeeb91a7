#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/conv/stream_store.hpp>
#include <diffusion/nn/conv/transpose.hpp>
#include <diffusion/nn/conv/winograd_tiles.hpp>
#include <diffusion/nn/conv/winograd_transform.hpp>
#include <diffusion/nn/conv/workspace.hpp>
#include <span>

/// 3x3 convolution with stride 1 by Winograd's transforms, of the kinds that winograd_transform.hpp
/// and winograd_doubled.hpp derive: tiles of the images are transformed, 36 or 25 matrix products
/// are taken, and transformed back.
namespace diffusion::nn::winograd {

/// Input channels whose gradients are summed together: a few blocks of the product.
inline constexpr std::size_t channels_of_gradient = 2 * detail::row_block;

/// Distance of two planes: a line more than the data, so that the 36 planes of a tile do not fall
/// into the same set of the first level cache.
template <class T>
constexpr std::size_t plane_size(std::size_t tiles, std::size_t channels) {
    return tiles * channels + detail::cache_line / sizeof(T);
}

template <class T, class Kind>
constexpr std::size_t prepared_size(std::size_t in, std::size_t out) {
    return Kind::points * Kind::points * detail::packed_size<T>(in, out);
}

/// The plane of data that product p multiplies.
template <class Kind>
constexpr std::size_t data_plane(std::size_t p) {
    return Kind::data_of[p / Kind::points] * Kind::data + Kind::data_of[p % Kind::points];
}

/// u = the transformed weights of each pair of channels, packed for `detail::product`.
/// `fetch(tap, i, o, rows)` reads the weights of a tap from `width<T>` channels i + k to as many
/// o + l: rows[k][l]. Written in the order of the packed matrix, whole cache lines at a time,
/// because its memory is usually far; if `past_caches` like that.
template <class Kind, class T, class Fetch>
void prepare(std::size_t in, std::size_t out, Fetch&& fetch, T* u, bool past_caches) {
    using V = detail::vec<T>;
    constexpr std::size_t lanes = detail::width<T>, most = detail::column_vectors;
    constexpr std::size_t points = Kind::points, planes = points * points;
    const std::size_t plane = detail::packed_size<T>(in, out);
    past_caches = past_caches && detail::on_vector_boundary(u);
    for (std::size_t first = 0; first < out; first += most * lanes) {
        const std::size_t vectors = std::min(most, (out - first + lanes - 1) / lanes);
        for (std::size_t i = 0; i < in; i += lanes) {
            V taps[most][3 * 3][lanes];
            for (std::size_t v = 0; v < vectors; ++v)
                for (std::size_t tap = 0; tap < 3 * 3; ++tap)
                    fetch(tap, i, first + v * lanes, taps[v][tap]);
            for (std::size_t k = 0; k < std::min(lanes, in - i); ++k, u += vectors * lanes) {
                V line[planes][most];
                for (std::size_t v = 0; v < vectors; ++v)
                    transform_tile<3, points, V>(
                        [](const auto& g, auto& w)
                            DIFFUSION_INLINE { Kind::template weights<T>(g, w); },
                        [&](std::size_t col, V(&g)[3]) DIFFUSION_INLINE {
                            for (std::size_t row = 0; row < 3; ++row)
                                g[row] = taps[v][row * 3 + col][k];
                        },
                        [&](std::size_t row, std::size_t col, V w)
                            DIFFUSION_INLINE { line[row * points + col][v] = w; });
                for (std::size_t p = 0; p < planes; ++p)
                    for (std::size_t v = 0; v < vectors; ++v)
                        if (T* to = u + p * plane + v * lanes; past_caches)
                            detail::stream(to, line[p][v]);
                        else detail::store(to, line[p][v]);
            }
        }
    }
    if (past_caches) detail::end_of_stream();
}

/// Prepares w (3, 3, in, out) for `forward`.
template <class Kind, class T>
void prepare_forward(std::size_t in, std::size_t out, const T* w, T* u, bool past_caches = false) {
    prepare<Kind>(
        in, out,
        [&](std::size_t tap, std::size_t i, std::size_t o, auto& rows) {
            detail::load_square(w + (tap * in + i) * out + o, out, in - i, out - o, rows);
        },
        u, past_caches);
}

/// Prepares w (3, 3, in, out) so that `forward` of dy is dx: flipped and transposed.
template <class Kind, class T>
void prepare_backward_data(std::size_t in, std::size_t out, const T* w, T* u,
                           bool past_caches = false) {
    prepare<Kind>(
        out, in,
        [&](std::size_t tap, std::size_t o, std::size_t i, auto& rows) {
            detail::load_square(w + ((8 - tap) * in + i) * out + o, out, in - i, out - o, rows);
            detail::transpose<T>(rows);
        },
        u, past_caches);
}

/// y = conv(x, w) + bias with u = the prepared weights; in, out >= width<T>. `rows` are those of
/// the larger of x and y, whose sizes s has.
template <class Kind, class T>
void forward(const conv_shape& s, const T* x, const T* u, const T* bias, T* y, workspace& scratch,
             row_range rows) {
    constexpr std::size_t data = Kind::data * Kind::data, planes = Kind::points * Kind::points;
    const tiling tiles(s, rows);
    const std::size_t stride = detail::whole_vectors<T>(s.out);
    const std::size_t length = strip_length(tiles.count, strip_tiles);
    const std::size_t v_plane = plane_size<T>(length, s.in);
    const std::size_t m_plane = plane_size<T>(length, stride);
    const std::size_t zero_size = detail::whole_vectors<T>(Kind::window * s.in);
    T* zeros = scratch.take<T>(zero_size + data * v_plane + planes * m_plane);
    T* v = zeros + zero_size;
    T* m = v + data * v_plane;
    std::fill_n(zeros, zero_size, T(0));
    // All weights of a network do not fit the caches. While one panel of them is multiplied the
    // next is fetched; alone the processor follows a page only, and panels are no longer than that.
    const std::size_t panel = s.in * std::min(stride, detail::column_vectors * detail::width<T>);

    tile_strip strip(tiles);
    for (std::size_t first = 0; first < tiles.count; first += length) {
        const std::size_t count = std::min(length, tiles.count - first);
        // likewise the pixels that the next two stages begin with
        const std::span<const T> output =
            tiles.pixels<T>(y, s.out, tile / Kind::outputs, first, first + count);
        const std::span<const T> input =
            tiles.pixels(x, s.in, tile / (Kind::window - 2), first + count, first + count + length);
        strip.take(first, count);
        transform_inputs<Kind>(tiles, strip, s.in, x, zeros, v, v_plane);
        const detail::terms sum{.steps = s.in, .segments = 1, .a_stride = s.in, .b_ahead = panel};
        for (std::size_t p = 0; p < planes; ++p) {
            detail::prefetch_piece(output, p, planes);
            detail::prefetch_piece(input, p, planes);
            const auto wanted = strip.wanting<Kind>(p);
            T* products = m + p * m_plane;
            detail::product<T, detail::layout::by_rows>(
                sum, wanted.last - wanted.first, stride,
                v + data_plane<Kind>(p) * v_plane + wanted.first * s.in,
                u + p * detail::packed_size<T>(s.in, s.out), true, nullptr, 0,
                products + wanted.first * stride, stride);
            // what is left out is zero
            std::fill(products, products + wanted.first * stride, T(0));
            std::fill(products + wanted.last * stride, products + count * stride, T(0));
        }
        transform_outputs<Kind>(tiles, strip, s.out, m, m_plane, stride, bias, y);
    }
}

/// dw += the gradient with respect to the weights, or = if it is the `first_share`; in, out >=
/// width<T>. s has the sizes of dy.
template <class Kind, class T>
void backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, workspace& scratch,
                      bool first_share) {
    using V = detail::vec<T>;
    constexpr std::size_t data = Kind::data * Kind::data, planes = Kind::points * Kind::points;
    const tiling tiles(s, {});
    const std::size_t stride = detail::whole_vectors<T>(s.out);
    const std::size_t length = strip_length(tiles.count, strip_tiles_of_gradient);
    const std::size_t v_plane = plane_size<T>(length, s.in);
    const std::size_t m_plane = plane_size<T>(length, stride);
    // What one strip holds is multiplied for a few input channels at a time, whose sums are then
    // still in the caches when they are transformed back.
    const std::size_t block = tiles.count > length ? s.in : std::min(s.in, channels_of_gradient);
    const std::size_t u_plane = plane_size<T>(block, stride);
    const std::size_t zero_size =
        detail::whole_vectors<T>(std::max(Kind::window * s.in, tile * s.out));
    T* zeros = scratch.take<T>(zero_size + data * v_plane + planes * (m_plane + u_plane));
    T* v = zeros + zero_size;
    T* m = v + data * v_plane;
    T* du = m + planes * m_plane;
    std::fill_n(zeros, zero_size, T(0));
    if (stride != s.out) std::fill_n(m, planes * m_plane, T(0));  // the lanes beyond the channels

    tile_strip strip(tiles);
    for (std::size_t row = 0; row < s.in; row += block) {
        const std::size_t rows = std::min(block, s.in - row);
        for (std::size_t first = 0; first < tiles.count; first += length) {
            const std::size_t count = std::min(length, tiles.count - first);
            // x was kept since the way forward and comes from far
            constexpr std::size_t half = tile / (Kind::window - 2);
            std::span<const T> next;
            if (row == 0) {
                strip.take(first, count);
                next = tiles.pixels(x, s.in, half, first + count, first + count + length);
                if (first == 0) detail::fetch_in_order(tiles.pixels(x, s.in, half, 0, count));
                transform_inputs<Kind>(tiles, strip, s.in, x, zeros, v, v_plane);
                transform_output_gradients<Kind>(tiles, strip, s.out, dy, zeros, m, m_plane,
                                                 stride);
            }
            for (std::size_t p = 0; p < planes; ++p) {
                detail::prefetch_piece(next, p, planes);
                T* sums = du + p * u_plane;
                const auto wanted = strip.wanting<Kind>(p);
                const detail::terms sum{.steps = wanted.last - wanted.first,
                                        .segments = 1,
                                        .a_stride = s.in,
                                        .b_stride = stride};
                detail::product<T, detail::layout::by_columns>(
                    sum, rows, stride,
                    v + data_plane<Kind>(p) * v_plane + wanted.first * s.in + row,
                    m + p * m_plane + wanted.first * stride, false, first == 0 ? nullptr : sums,
                    stride, sums, stride);
            }
        }
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t o = 0; o < s.out; o += detail::width<T>)
                transform_tile<Kind::points, 3, V>(
                    [](const auto& w, auto& g)
                        DIFFUSION_INLINE { Kind::template weights_gradient<T>(w, g); },
                    [&](std::size_t col, V(&column)[Kind::points]) DIFFUSION_INLINE {
                        read_planes(du + i * stride + o, u_plane, col, column);
                    },
                    [&](std::size_t k, std::size_t col, V g) DIFFUSION_INLINE {
                        T* to = dw + ((k * 3 + col) * s.in + row + i) * s.out + o;
                        const std::size_t left = std::min(s.out - o, detail::width<T>);
                        const bool whole = left == detail::width<T>;
                        if (!first_share)
                            g += whole ? detail::load(to) : detail::load_some(to, left);
                        whole ? detail::store(to, g) : detail::store_some(to, g, left);
                    });
    }
}

}  // namespace diffusion::nn::winograd
