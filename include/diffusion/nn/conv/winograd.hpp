#pragma once

#include <diffusion/nn/conv/product.hpp>
#include <diffusion/nn/conv/shape.hpp>
#include <diffusion/nn/conv/simd.hpp>
#include <diffusion/nn/conv/workspace.hpp>

#include <algorithm>
#include <cstddef>

/// 3x3 convolution with stride 1 by minimal filtering (Winograd 1980; Lavin and Gray 2016).
///
/// In one dimension: four outputs y of three taps g over six inputs d,
///
///     y_i = d_i g_0 + d_(i+1) g_1 + d_(i+2) g_2,      i = 0..3,
///
/// need 12 multiplications as written, but 6 are enough. Read backwards the map is a product of
/// polynomials: for fixed g, its transpose takes y to the six coefficients of y(p) g(p), of degree
/// 5, and such a polynomial is known from its values at six points. At each point the value of the
/// product is the product of the values: one multiplication. Evaluate y by A, g by G, multiply,
/// interpolate by B; transposed again,
///
///     y = A^T [ (G g) * (B^T d) ]                          (* number by number)
///
/// The points are 0, a, -a, b, -b and infinity (the leading coefficient). With a b = 1 and
/// s = a^2 + b^2 the matrices are
///
///           | 1    0     -s    0    1   0 |          1/N   |1  0  0  |            | 1  1  1  1  1  0 |
///           | 0  -ab^2  -b^2   a    1   0 |   G =    for   |1  a  a^2|    A^T =   | 0  a -a  b -b  0 |
///     B^T = | 0   ab^2  -b^2  -a    1   0 |          each  |1 -a  a^2|            | 0 a^2 a^2 b^2 b^2 0 |
///           | 0  -a^2b  -a^2   b    1   0 |          row   |1  b  b^2|            | 0 a^3 -a^3 b^3 -b^3 1 |
///           | 0   a^2b  -a^2  -b    1   0 |                |1 -b  b^2|
///           | 0    1      0   -s    0   1 |                |0  0  1  |
///
/// where N = product of (point - other points): 1, 2a^2(a^2 - b^2) twice, 2b^2(b^2 - a^2) twice, 1.
///
/// In two dimensions both sides are transformed: a tile of 6x6 inputs gives 4x4 outputs by 36
/// multiplications per pair of channels instead of 144. For each of the 36 positions the sum over
/// the input channels is a matrix product, (tiles, in) times (in, out), and there the time goes.
///
/// Rounding: the usual points a = 1, b = 2 lose about one and a half digits, because their powers
/// are so unlike. a = sqrt(1/2), b = sqrt(2) halve the error (all even entries stay exact):
/// with 64 channels 8e-7 of the output's root mean square, where a plain sum has 4e-7. The choice
/// of points is studied by Barabasz, Anderson, Soodhalter and Gregg (2020).
///
/// Gradients: dx is the convolution of dy with the flipped and transposed weights, so it is the
/// same function. For dw the formula above is transposed with respect to g:
///
///     dg = G^T [ (A dy) * (B^T d) ],        summed over the tiles before G^T.
namespace diffusion::nn::winograd {

inline constexpr std::size_t tile = 4;                  // outputs of a tile, each way
inline constexpr std::size_t points = tile + 3 - 1;     // inputs of a tile, each way
inline constexpr std::size_t planes = points * points;  // products of a tile

template <class T>
struct constants {
    static constexpr T a = T(0.70710678118654752440L), b = T(1.4142135623730950488L);
    static constexpr T a2 = T(0.5), b2 = T(2), s = T(2.5);
    static constexpr T a3 = a / 2, b3 = 2 * b;
    static constexpr T norm_a = T(1) / (2 * a2 * (a2 - b2)), norm_b = T(1) / (2 * b2 * (b2 - a2));
};

/// v = B^T d
template <class T, class V>
[[gnu::always_inline]] inline void transform_input(const V (&d)[6], V (&v)[6]) {
    using k = constants<T>;
    const V even_a = d[4] - k::b2 * d[2], odd_a = k::a * (d[3] - k::b2 * d[1]);
    const V even_b = d[4] - k::a2 * d[2], odd_b = k::b * (d[3] - k::a2 * d[1]);
    v[0] = (d[0] + d[4]) - k::s * d[2];
    v[1] = even_a + odd_a;
    v[2] = even_a - odd_a;
    v[3] = even_b + odd_b;
    v[4] = even_b - odd_b;
    v[5] = (d[1] + d[5]) - k::s * d[3];
}

/// u = G g
template <class T, class V>
[[gnu::always_inline]] inline void transform_weights(const V (&g)[3], V (&u)[6]) {
    using k = constants<T>;
    const V even_a = k::norm_a * (g[0] + k::a2 * g[2]), odd_a = (k::norm_a * k::a) * g[1];
    const V even_b = k::norm_b * (g[0] + k::b2 * g[2]), odd_b = (k::norm_b * k::b) * g[1];
    u[0] = g[0];
    u[1] = even_a + odd_a;
    u[2] = even_a - odd_a;
    u[3] = even_b + odd_b;
    u[4] = even_b - odd_b;
    u[5] = g[2];
}

/// y = A^T m
template <class T, class V>
[[gnu::always_inline]] inline void transform_output(const V (&m)[6], V (&y)[4]) {
    using k = constants<T>;
    const V even_a = m[1] + m[2], odd_a = m[1] - m[2];
    const V even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = k::a * odd_a + k::b * odd_b;
    y[2] = k::a2 * even_a + k::b2 * even_b;
    y[3] = k::a3 * odd_a + k::b3 * odd_b + m[5];
}

/// m = A y, the transpose of `transform_output`
template <class T, class V>
[[gnu::always_inline]] inline void transform_output_gradient(const V (&y)[4], V (&m)[6]) {
    using k = constants<T>;
    const V even_a = y[0] + k::a2 * y[2], odd_a = k::a * y[1] + k::a3 * y[3];
    const V even_b = y[0] + k::b2 * y[2], odd_b = k::b * y[1] + k::b3 * y[3];
    m[0] = y[0];
    m[1] = even_a + odd_a;
    m[2] = even_a - odd_a;
    m[3] = even_b + odd_b;
    m[4] = even_b - odd_b;
    m[5] = y[3];
}

/// g = G^T u, the transpose of `transform_weights`
template <class T, class V>
[[gnu::always_inline]] inline void transform_weights_gradient(const V (&u)[6], V (&g)[3]) {
    using k = constants<T>;
    const V even_a = k::norm_a * (u[1] + u[2]), even_b = k::norm_b * (u[3] + u[4]);
    g[0] = u[0] + even_a + even_b;
    g[1] = (k::norm_a * k::a) * (u[1] - u[2]) + (k::norm_b * k::b) * (u[3] - u[4]);
    g[2] = k::a2 * even_a + k::b2 * even_b + u[5];
}

/// Applies a transform of From numbers to To numbers down the columns, then along the rows of a
/// tile of vectors: `read(row, col)` gives the old ones, `write(row, col, v)` takes the new ones.
template <std::size_t From, std::size_t To, class V, class Transform, class Read, class Write>
[[gnu::always_inline]] inline void transform_tile(Transform&& transform, Read&& read,
                                                  Write&& write) {
    V half[To][From];
    detail::unrolled<From>([&](auto col) __attribute__((always_inline)) {
        V before[From], after[To];
        detail::unrolled<From>([&](auto row) __attribute__((always_inline)) {
            before[row] = read(row, col);
        });
        transform(before, after);
        detail::unrolled<To>([&](auto row)
                                 __attribute__((always_inline)) { half[row][col] = after[row]; });
    });
    detail::unrolled<To>([&](auto row) __attribute__((always_inline)) {
        V after[To];
        transform(half[row], after);
        detail::unrolled<To>([&](auto col)
                                 __attribute__((always_inline)) { write(row, col, after[col]); });
    });
}

/// The tiles of some rows of all images of a batch, counted image by image, row by row.
struct tiling {
    std::size_t height, width;             // of the images
    std::size_t first_row, last_row;       // the rows that are wanted
    std::size_t first_tile, down, across;  // rows of tiles that cover them, tiles in a row
    std::size_t count;

    tiling(const conv_shape& s, row_range rows)
        : height(s.height),
          width(s.width),
          first_row(rows.within(s.height).first),
          last_row(rows.within(s.height).last),
          first_tile(first_row / tile),
          down(last_row > first_row ? (last_row + tile - 1) / tile - first_tile : 0),
          across((s.width + tile - 1) / tile),
          count(s.batch * down * across) {}

    /// Image, first row and first column of a tile's outputs.
    struct place {
        std::size_t image, row, col;
    };
    place operator[](std::size_t index) const {
        const std::size_t line = index / across;
        return {line / down, (line % down + first_tile) * tile, index % across * tile};
    }
};

/// Tiles that are transformed and multiplied together: few enough that their planes stay in the
/// second level cache between the three stages, enough to read the weights seldom.
inline constexpr std::size_t strip_tiles = 48;

/// Distance of two planes: a line more than the data, so that the 36 planes of a tile do not fall
/// into the same set of the first level cache.
template <class T>
constexpr std::size_t plane_size(std::size_t tiles, std::size_t channels) {
    return tiles * channels + 64 / sizeof(T);
}

template <class T>
constexpr std::size_t prepared_size(std::size_t in, std::size_t out) {
    return planes * detail::packed_size<T>(in, out);
}

/// u = G g G^T for each pair of channels, packed for `detail::product`. `at(row, col, i, o)` is the
/// weight of tap (row, col) from channel i to channel o.
template <class T, class At>
void prepare(std::size_t in, std::size_t out, At&& at, T* u) {
    using V = detail::vec<T>;
    const std::size_t plane = detail::packed_size<T>(in, out);
    for (std::size_t o = 0; o < out; o += detail::width<T>)
        for (std::size_t i = 0; i < in; ++i) {
            T* to = u + detail::packed_offset<T>(in, out, i, o);
            transform_tile<3, points, V>([](const auto& g, auto& v) { transform_weights<T>(g, v); },
                                         [&](std::size_t row, std::size_t col) {
                                             V g{};
                                             for (std::size_t l = 0;
                                                  l < detail::width<T> && o + l < out; ++l)
                                                 g[l] = at(row, col, i, o + l);
                                             return g;
                                         },
                                         [&](std::size_t row, std::size_t col, V v) {
                                             detail::store(to + (row * points + col) * plane, v);
                                         });
        }
}

/// Prepares w (3, 3, in, out) for `forward`.
template <class T>
void prepare_forward(std::size_t in, std::size_t out, const T* w, T* u) {
    prepare<T>(
        in, out,
        [&](std::size_t row, std::size_t col, std::size_t i, std::size_t o) {
            return w[((row * 3 + col) * in + i) * out + o];
        },
        u);
}

/// Prepares w (3, 3, in, out) so that `forward` of dy is dx: flipped and transposed.
template <class T>
void prepare_backward_data(std::size_t in, std::size_t out, const T* w, T* u) {
    prepare<T>(
        out, in,
        [&](std::size_t row, std::size_t col, std::size_t o, std::size_t i) {
            return w[(((2 - row) * 3 + 2 - col) * in + i) * out + o];
        },
        u);
}

/// v[plane][t] = B^T d B for tiles [first, first + count).
template <class T>
void transform_inputs(const tiling& tiles, std::size_t first, std::size_t count,
                      std::size_t channels, const T* x, const T* zeros, T* v, std::size_t plane) {
    using V = detail::vec<T>;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row0, col0] = tiles[first + t];
        const T* pixel[points][points];  // outside of the image lie zeros
        for (std::size_t i = 0; i < points; ++i)
            for (std::size_t j = 0; j < points; ++j) {
                const std::size_t row = row0 + i - 1, col = col0 + j - 1;
                const bool inside = row < tiles.height && col < tiles.width;
                pixel[i][j] =
                    inside ? x + ((image * tiles.height + row) * tiles.width + col) * channels
                           : zeros;
            }
        detail::for_vectors<T>(channels, [&](std::size_t c) {
            transform_tile<points, points, V>(
                [](const auto& d, auto& w) { transform_input<T>(d, w); },
                [&](std::size_t i, std::size_t j) { return detail::load(pixel[i][j] + c); },
                [&](std::size_t i, std::size_t j, V w) {
                    detail::store(v + (i * points + j) * plane + t * channels + c, w);
                });
        });
    }
}

/// y = A^T m A + bias for tiles [first, first + count), where they cover wanted rows.
template <class T>
void transform_outputs(const tiling& tiles, std::size_t first, std::size_t count,
                       std::size_t channels, const T* m, std::size_t plane, std::size_t stride,
                       const T* bias, T* y) {
    using V = detail::vec<T>;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row0, col0] = tiles[first + t];
        T* pixel[tile][tile];  // null where nothing is wanted
        for (std::size_t i = 0; i < tile; ++i)
            for (std::size_t j = 0; j < tile; ++j) {
                const std::size_t row = row0 + i, col = col0 + j;
                const bool wanted =
                    row >= tiles.first_row && row < tiles.last_row && col < tiles.width;
                pixel[i][j] =
                    wanted ? y + ((image * tiles.height + row) * tiles.width + col) * channels
                           : nullptr;
            }
        detail::for_vectors<T>(channels, [&](std::size_t c) {
            const V add = bias ? detail::load(bias + c) : V{};
            transform_tile<points, tile, V>(
                [](const auto& w, auto& z) { transform_output<T>(w, z); },
                [&](std::size_t i, std::size_t j) {
                    return detail::load(m + (i * points + j) * plane + t * stride + c);
                },
                [&](std::size_t i, std::size_t j, V z) {
                    if (pixel[i][j]) detail::store(pixel[i][j] + c, V(z + add));
                });
        });
    }
}

/// m[plane][t] = A dy A^T for tiles [first, first + count).
template <class T>
void transform_output_gradients(const tiling& tiles, std::size_t first, std::size_t count,
                                std::size_t channels, const T* dy, const T* zeros, T* m,
                                std::size_t plane, std::size_t stride) {
    using V = detail::vec<T>;
    for (std::size_t t = 0; t < count; ++t) {
        const auto [image, row0, col0] = tiles[first + t];
        const T* pixel[tile][tile];
        for (std::size_t i = 0; i < tile; ++i)
            for (std::size_t j = 0; j < tile; ++j) {
                const std::size_t row = row0 + i, col = col0 + j;
                const bool inside = row < tiles.height && col < tiles.width;
                pixel[i][j] =
                    inside ? dy + ((image * tiles.height + row) * tiles.width + col) * channels
                           : zeros;
            }
        detail::for_vectors<T>(channels, [&](std::size_t c) {
            transform_tile<tile, points, V>(
                [](const auto& z, auto& w) { transform_output_gradient<T>(z, w); },
                [&](std::size_t i, std::size_t j) { return detail::load(pixel[i][j] + c); },
                [&](std::size_t i, std::size_t j, V w) {
                    detail::store(m + (i * points + j) * plane + t * stride + c, w);
                });
        });
    }
}

/// y = conv(x, w) + bias with u = the prepared weights; in, out >= width<T>.
template <class T>
void forward(const conv_shape& s, const T* x, const T* u, const T* bias, T* y, workspace& scratch,
             row_range rows) {
    const tiling tiles(s, rows);
    const std::size_t stride = detail::whole_vectors<T>(s.out);
    const std::size_t strip = std::min(strip_tiles, tiles.count);
    const std::size_t v_plane = plane_size<T>(strip, s.in);
    const std::size_t m_plane = plane_size<T>(strip, stride);
    T* zeros = scratch.take<T>(detail::whole_vectors<T>(s.in) + planes * (v_plane + m_plane));
    T* v = zeros + detail::whole_vectors<T>(s.in);
    T* m = v + planes * v_plane;
    std::fill_n(zeros, s.in, T(0));

    for (std::size_t first = 0; first < tiles.count; first += strip) {
        const std::size_t count = std::min(strip, tiles.count - first);
        transform_inputs(tiles, first, count, s.in, x, zeros, v, v_plane);
        const detail::terms sum{.steps = s.in, .segments = 1, .a_stride = s.in};
        for (std::size_t p = 0; p < planes; ++p)
            detail::product<T, detail::layout::by_rows>(sum, count, stride, v + p * v_plane,
                                                        u + p * detail::packed_size<T>(s.in, s.out),
                                                        true, nullptr, 0, m + p * m_plane, stride);
        transform_outputs(tiles, first, count, s.out, m, m_plane, stride, bias, y);
    }
}

/// dw += the gradient with respect to the weights; in, out >= width<T>.
template <class T>
void backward_weights(const conv_shape& s, const T* x, const T* dy, T* dw, workspace& scratch) {
    using V = detail::vec<T>;
    const tiling tiles(s, {});
    const std::size_t stride = detail::whole_vectors<T>(s.out);
    const std::size_t strip = std::min(strip_tiles, tiles.count);
    const std::size_t v_plane = plane_size<T>(strip, s.in);
    const std::size_t m_plane = plane_size<T>(strip, stride);
    const std::size_t u_plane = plane_size<T>(s.in, stride);
    const std::size_t zero_size = detail::whole_vectors<T>(std::max(s.in, s.out));
    T* zeros = scratch.take<T>(zero_size + planes * (v_plane + m_plane + u_plane));
    T* v = zeros + zero_size;
    T* m = v + planes * v_plane;
    T* du = m + planes * m_plane;
    std::fill_n(zeros, zero_size, T(0));
    std::fill_n(m, planes * (m_plane + u_plane), T(0));  // also the lanes beyond the channels

    for (std::size_t first = 0; first < tiles.count; first += strip) {
        const std::size_t count = std::min(strip, tiles.count - first);
        transform_inputs(tiles, first, count, s.in, x, zeros, v, v_plane);
        transform_output_gradients(tiles, first, count, s.out, dy, zeros, m, m_plane, stride);
        const detail::terms sum{
            .steps = count, .segments = 1, .a_stride = s.in, .b_stride = stride};
        for (std::size_t p = 0; p < planes; ++p)
            detail::product<T, detail::layout::by_columns>(sum, s.in, stride, v + p * v_plane,
                                                           m + p * m_plane, false, du + p * u_plane,
                                                           stride, du + p * u_plane, stride);
    }

    for (std::size_t i = 0; i < s.in; ++i)
        for (std::size_t o = 0; o < s.out; o += detail::width<T>)
            transform_tile<points, 3, V>(
                [](const auto& w, auto& g) { transform_weights_gradient<T>(w, g); },
                [&](std::size_t row, std::size_t col) {
                    return detail::load(du + (row * points + col) * u_plane + i * stride + o);
                },
                [&](std::size_t row, std::size_t col, V g) {
                    T* to = dw + ((row * 3 + col) * s.in + i) * s.out + o;
                    if (o + detail::width<T> <= s.out) detail::store(to, V(detail::load(to) + g));
                    else
                        for (std::size_t l = 0; o + l < s.out; ++l) to[l] += g[l];
                });
}

}  // namespace diffusion::nn::winograd
