#pragma once

#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/simd.hpp>

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
///           | 1    0     -s    0    1   0 |            | 1  0  0  |
///           | 0  -ab^2  -b^2   a    1   0 |            | 1  a  a^2|
///     B^T = | 0   ab^2  -b^2  -a    1   0 |   G = 1/N  | 1 -a  a^2|
///           | 0  -a^2b  -a^2   b    1   0 |            | 1  b  b^2|
///           | 0   a^2b  -a^2  -b    1   0 |            | 1 -b  b^2|
///           | 0    1      0   -s    0   1 |            | 0  0  1  |
///
///           | 1   1    1    1    1   0 |
///     A^T = | 0   a   -a    b   -b   0 |
///           | 0  a^2  a^2  b^2  b^2  0 |
///           | 0  a^3 -a^3  b^3 -b^3  1 |
///
/// where each row of G has its own N, the product of (point - other points): 1, 2a^2(a^2 - b^2)
/// twice, 2b^2(b^2 - a^2) twice, 1.
///
/// In two dimensions both sides are transformed: a tile of 6x6 inputs gives 4x4 outputs by 36
/// multiplications per pair of channels instead of 144. For each of the 36 positions the sum over
/// the input channels is a matrix product, (tiles, in) times (in, out), and there the time goes.
///
/// At the right and the lower border some outputs of a tile may lie beyond the image. Then the
/// product at infinity, which only y_3 wants, is left out. Where y_2 is not wanted either, nobody
/// sees d_4, which may have any value; with
///
///     d_4 = s d_2 - d_0
///
/// v_0 is zero and the product at 0 left out as well. So three outputs take five products and two
/// take four: 14 pixels 6 + 6 + 6 + 4 instead of four times 6, and 14x14 or 7x7 pixels 84 % of the
/// products of whole tiles. This holds for the gradients below, too, where the left out terms have
/// a factor y_3 = 0 or v_0 = 0.
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

inline constexpr std::size_t tile = 4;  // pixels of a tile of the larger of x and y, each way

template <class T>
struct constants {
    static constexpr T a = T(0.70710678118654752440L), b = T(1.4142135623730950488L);
    static constexpr T a2 = T(0.5), b2 = T(2), s = T(2.5);
    static constexpr T a3 = a / 2, b3 = 2 * b;
    static constexpr T norm_a = T(1) / (2 * a2 * (a2 - b2)), norm_b = T(1) / (2 * b2 * (b2 - a2));
};

/// Filtering that keeps the size of the image: the maps above, for numbers or vectors V of type T.
struct same_size {
    static constexpr std::size_t window = 6;   // pixels that a tile's outputs see, each way
    static constexpr std::size_t data = 6;     // numbers that these are transformed to
    static constexpr std::size_t points = 6;   // of the weights, and products
    static constexpr std::size_t outputs = 4;  // of a tile
    static constexpr std::size_t data_of[points] = {0, 1, 2, 3, 4, 5};  // the factor of each

    /// d_4 of a tile whose last two outputs are beyond the border.
    static constexpr bool continued = true;
    template <class T, class V>
    DIFFUSION_INLINE static V beyond(V d0, V d2) {
        return constants<T>::s * d2 - d0;
    }

    /// v = B^T d
    template <class T, class V>
    DIFFUSION_INLINE static void input(const V (&d)[6], V (&v)[6]) {
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
    DIFFUSION_INLINE static void weights(const V (&g)[3], V (&u)[6]) {
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
    DIFFUSION_INLINE static void output(const V (&m)[6], V (&y)[4]) {
        using k = constants<T>;
        const V even_a = m[1] + m[2], odd_a = m[1] - m[2];
        const V even_b = m[3] + m[4], odd_b = m[3] - m[4];
        y[0] = m[0] + even_a + even_b;
        y[1] = k::a * odd_a + k::b * odd_b;
        y[2] = k::a2 * even_a + k::b2 * even_b;
        y[3] = k::a3 * odd_a + k::b3 * odd_b + m[5];
    }

    /// m = A y, the transpose of `output`
    template <class T, class V>
    DIFFUSION_INLINE static void output_gradient(const V (&y)[4], V (&m)[6]) {
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

    /// g = G^T u, the transpose of `weights`
    template <class T, class V>
    DIFFUSION_INLINE static void weights_gradient(const V (&u)[6], V (&g)[3]) {
        using k = constants<T>;
        const V even_a = k::norm_a * (u[1] + u[2]), even_b = k::norm_b * (u[3] + u[4]);
        g[0] = u[0] + even_a + even_b;
        g[1] = (k::norm_a * k::a) * (u[1] - u[2]) + (k::norm_b * k::b) * (u[3] - u[4]);
        g[2] = k::a2 * even_a + k::b2 * even_b + u[5];
    }
};

/// Applies a transform of From numbers to To numbers down the columns, then along the rows of a
/// tile of vectors: `read(col, column)` fetches a column of the old ones, `write(row, col, v)`
/// takes the new ones, in order. Where there are 32 registers, of six rows three are computed at a
/// time, because the half-transformed numbers of three fit into them; those of none fit into 16,
/// and reading each column once is better then. All three functions are to be inlined by force:
/// called with their numbers in memory they take twice the time.
template <std::size_t From, std::size_t To, class V, class Transform, class Read, class Write>
DIFFUSION_INLINE inline void transform_tile(Transform&& transform, Read&& read, Write&& write) {
    constexpr std::size_t group = To == 6 && detail::vector_registers == 32 ? 3 : To;
    detail::unrolled<To / group>([&](auto part) DIFFUSION_INLINE {
        V half[group][From];
        detail::unrolled<From>([&](auto col) DIFFUSION_INLINE {
            V before[From], after[To];
            read(col, before);
            transform(before, after);
            detail::unrolled<group>([&](auto row) DIFFUSION_INLINE {
                half[row][col] = after[part * group + row];
                detail::in_register(half[row][col]);
            });
        });
        detail::unrolled<group>([&](auto row) DIFFUSION_INLINE {
            V after[To];
            transform(half[row], after);
            detail::unrolled<To>(
                [&](auto col) DIFFUSION_INLINE { write(part * group + row, col, after[col]); });
        });
    });
}

}  // namespace diffusion::nn::winograd
