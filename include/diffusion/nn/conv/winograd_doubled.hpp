#pragma once

#include <cstddef>
#include <diffusion/detail/inline.hpp>
#include <diffusion/nn/conv/winograd_transform.hpp>

/// 3x3 convolution of an image that is first doubled in size by repeating its pixels, without
/// making the larger image: the step up of a U-Net.
///
/// Four outputs in one dimension see six pixels of the larger image, but only four of the smaller,
/// d = (z_0, z_1, z_1, z_2, z_2, z_3). The repetition saves work. What belongs to a point p of the
/// interpolation (winograd_transform.hpp) are the coefficients of
///
///     M_p(x) = product of (x - q) over the other points q
///
/// times d. With the points 0, 1, -1, 2, -2 and infinity
///
///     M_-1(x) = (x^2 - x) (x^2 - 4) = x^4 - x^3 - 4 x^2 + 4 x:
///
/// the coefficients of neighbours that meet the same z cancel, nothing remains, and of six products
/// five are left, 25 in two dimensions instead of 36. Those of 2 and -2 meet the same number but
/// for a factor, which goes to the weights:
///
///           | 4  -5   1   0 |              | 1/4    0    0  |           | 1  1  1   1  0 |
///     v  =  | 0  -4   1   0 | z,      u  = |-1/3  -1/3 -1/3 | g,  y  = | 0  1  2  -2  0 | (u * v')
///           | 0  -1   1   0 |              | 1/8   1/4  1/2 |           | 0  1  4   4  0 |
///           | 0   4  -5   1 |              |-1/24 1/12 -1/6 |           | 0  1  8  -8  1 |
///                                          |  0     0    1  |
///
/// with v' = (v_0, v_1, v_2, v_2, v_3). The gradient of the weights is this transposed with respect
/// to g. The gradient of z is the sum of that of d over equal pixels. The filtering with the
/// flipped weights that yields the latter (winograd_transform.hpp) does not need the point -1
/// either, for in the sum of neighbours y_0 + y_1 each point p has the factor 1 + p.
///
/// Rounding: about twice that of the better points of winograd_transform.hpp.
namespace diffusion::nn::winograd {

/// Filtering of a doubled image.
struct doubled {
    static constexpr std::size_t window = 4;   // pixels that a tile's outputs see, each way
    static constexpr std::size_t data = 4;     // numbers that these are transformed to
    static constexpr std::size_t points = 5;   // of the weights, and products
    static constexpr std::size_t outputs = 4;  // of a tile
    static constexpr std::size_t data_of[points] = {0, 1, 2, 2, 3};  // the factors of each product
    static constexpr bool continued = false;  // only the last product has z_3

    template <class T, class V>
    DIFFUSION_INLINE static void input(const V (&z)[4], V (&v)[4]) {
        v[0] = (T(4) * z[0] + z[2]) - T(5) * z[1];
        v[1] = z[2] - T(4) * z[1];
        v[2] = z[2] - z[1];
        v[3] = (T(4) * z[1] + z[3]) - T(5) * z[2];
    }
    template <class T, class V>
    DIFFUSION_INLINE static void weights(const V (&g)[3], V (&u)[5]) {
        const V even = g[0] + T(4) * g[2], odd = T(2) * g[1];
        u[0] = T(0.25) * g[0];
        u[1] = T(-1. / 3) * ((g[0] + g[2]) + g[1]);
        u[2] = T(0.125) * (even + odd);
        u[3] = T(-1. / 24) * (even - odd);
        u[4] = g[2];
    }
    template <class T, class V>
    DIFFUSION_INLINE static void output(const V (&m)[5], V (&y)[4]) {
        const V even = m[2] + m[3], odd = m[2] - m[3];
        y[0] = (m[0] + m[1]) + even;
        y[1] = m[1] + T(2) * odd;
        y[2] = m[1] + T(4) * even;
        y[3] = (m[1] + m[4]) + T(8) * odd;
    }
    template <class T, class V>
    DIFFUSION_INLINE static void output_gradient(const V (&y)[4], V (&m)[5]) {
        const V even = y[0] + T(4) * y[2], odd = T(2) * y[1] + T(8) * y[3];
        m[0] = y[0];
        m[1] = (y[0] + y[2]) + (y[1] + y[3]);
        m[2] = even + odd;
        m[3] = even - odd;
        m[4] = y[3];
    }
    template <class T, class V>
    DIFFUSION_INLINE static void weights_gradient(const V (&u)[5], V (&g)[3]) {
        const V one = T(-1. / 3) * u[1], two = T(0.125) * u[2], back = T(-1. / 24) * u[3];
        g[0] = T(0.25) * u[0] + one + (two + back);
        g[1] = one + T(2) * (two - back);
        g[2] = one + T(4) * (two + back) + u[4];
    }
};

/// The way back to the smaller image: filtering of dy with the flipped weights, summed over pairs.
struct halved {
    static constexpr std::size_t window = 6, data = 5, points = 5, outputs = 2;
    static constexpr std::size_t data_of[points] = {0, 1, 2, 3, 4};

    /// d_4 of a tile whose second output is beyond the border: with it v_0 = 0.
    static constexpr bool continued = true;
    template <class T, class V>
    DIFFUSION_INLINE static V beyond(V d0, V d2) {
        return T(5) * d2 - T(4) * d0;
    }

    template <class T, class V>
    DIFFUSION_INLINE static void input(const V (&d)[6], V (&v)[5]) {
        const V even = d[4] - d[2], odd = T(2) * (d[3] - d[1]);
        v[0] = (T(4) * d[0] + d[4]) - T(5) * d[2];
        v[1] = (d[4] + d[3]) - T(4) * (d[2] + d[1]);
        v[2] = even + odd;
        v[3] = even - odd;
        v[4] = (T(4) * d[1] + d[5]) - T(5) * d[3];
    }
    template <class T, class V>
    DIFFUSION_INLINE static void weights(const V (&g)[3], V (&u)[5]) {
        const V even = g[0] + T(4) * g[2], odd = T(2) * g[1];
        u[0] = T(0.25) * g[0];
        u[1] = T(-1. / 6) * ((g[0] + g[2]) + g[1]);
        u[2] = T(1. / 24) * (even + odd);
        u[3] = T(1. / 24) * (even - odd);
        u[4] = g[2];
    }
    /// y_0 + y_1 and y_2 + y_3.
    template <class T, class V>
    DIFFUSION_INLINE static void output(const V (&m)[5], V (&y)[2]) {
        const V one = T(2) * m[1], two = T(3) * m[2] - m[3];
        y[0] = (m[0] + one) + two;
        y[1] = (m[4] + one) + T(4) * two;
    }
};

}  // namespace diffusion::nn::winograd
