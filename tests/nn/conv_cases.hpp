#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/conv/conv3x3.hpp>
#include <diffusion/nn/conv/reference.hpp>
#include <string>
#include <support/worse.hpp>
#include <type_traits>
#include <vector>

/// Inputs, results and error bounds that the tests of the convolutions share.
namespace conv_cases {

using diffusion::nn::conv_shape;

inline std::string name(const conv_shape& s) {
    std::string text;
    for (std::size_t n : {s.batch, s.height, s.width, s.in, s.out, s.kernel, s.stride})
        text += std::to_string(n) + " ";
    return text;
}

/// Every height and width from 1 to 33, every number of channels from 1 to 70 on either side, all
/// kernels and strides, odd batches and even ones: small images of every pair of twelve channel
/// counts, then shapes whose sizes and channels go round with periods that have no common factor.
inline std::vector<conv_shape> sweep() {
    std::vector<conv_shape> shapes;
    const std::size_t channels[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 48, 70};
    const std::size_t small[] = {1, 2, 3, 4, 5, 7, 8, 9};
    std::size_t turn = 0;
    for (std::size_t in : channels)
        for (std::size_t out : channels) {
            const std::size_t height = small[turn % 8], width = small[(turn / 3 + 5) % 8];
            const std::size_t kernel = 1 + 2 * ((turn / 2 + 1) % 3), stride = 1 + turn % 2;
            shapes.push_back({1 + turn % 3, height, width, in, out, kernel, stride});
            shapes.push_back({1 + turn % 3, width, height, in, out, 3, 1});
            ++turn;
        }
    const std::size_t kinds[][3] = {{3, 1, 70}, {3, 2, 70}, {3, 3, 14}, {1, 1, 14},
                                    {1, 2, 14}, {5, 1, 14}, {5, 2, 14}};
    for (const auto [kernel, stride, count] : kinds)
        for (std::size_t k = 0; k < count; ++k, ++turn) {
            conv_shape s{1,
                         1 + 7 * turn % 33,
                         1 + 10 * turn % 33,
                         1 + 29 * k % 70,
                         1 + (41 * k + 13 * stride) % 70,
                         kernel,
                         stride};
            while (s.operations() > 4e6) s.width = (s.width + 1) / 2;  // seconds, not minutes
            if (s.operations() < 1e6) s.batch = 3 + 2 * (k % 2);
            shapes.push_back(s);
        }
    return shapes;
}

/// Numbers in (-1, 1) with few digits, the same for every type.
template <class T>
std::vector<T> numbers(std::size_t count, std::uint32_t seed) {
    std::vector<T> v(count);
    std::uint32_t state = seed * 2654435761u + 1;
    for (T& x : v) {
        state = state * 1664525u + 1013904223u;
        x = static_cast<T>(static_cast<std::int32_t>(state) >> 12) / T(1 << 19);
    }
    return v;
}

template <class T>
std::vector<double> as_double(const std::vector<T>& v) {
    return {v.begin(), v.end()};
}

inline std::vector<double> magnitude(std::vector<double> v) {
    for (double& x : v) x = std::abs(x);
    return v;
}

/// The arguments of the three passes and what the fast kernels make of them.
template <class T>
struct fast {
    std::vector<T> x, w, bias, dy, y, dx, dw, dbias;

    explicit fast(const conv_shape& s, diffusion::nn::workspace& scratch)
        : x(numbers<T>(s.input_size(), 1)),
          w(numbers<T>(s.weight_size(), 2)),
          bias(numbers<T>(s.out, 3)),
          dy(numbers<T>(s.output_size(), 4)),
          y(s.output_size(), T(99)),
          dx(s.input_size(), T(99)),
          dw(s.weight_size(), T(99)),
          dbias(s.out, T(0)) {
        namespace nn = diffusion::nn;
        nn::conv_forward(s, x.data(), w.data(), bias.data(), y.data(), scratch);
        nn::conv_backward_data(s, dy.data(), w.data(), dx.data(), scratch);
        nn::conv_backward_weights(s, x.data(), dy.data(), dw.data(), dbias.data(), scratch, true);
    }
};

/// What the definition makes of the same arguments in double.
struct exact {
    std::vector<double> y, dx, dw, dbias;

    exact(const conv_shape& s, const std::vector<double>& x, const std::vector<double>& w,
          const std::vector<double>& bias, const std::vector<double>& dy)
        : y(s.output_size()), dx(s.input_size()), dw(s.weight_size()), dbias(s.out) {
        namespace reference = diffusion::nn::reference;
        reference::conv_forward(s, x.data(), w.data(), bias.data(), y.data());
        reference::conv_backward_data(s, dy.data(), w.data(), dx.data());
        reference::conv_backward_weights(s, x.data(), dy.data(), dw.data(), dbias.data());
    }

    template <class T>
    exact(const conv_shape& s, const fast<T>& f)
        : exact(s, as_double(f.x), as_double(f.w), as_double(f.bias), as_double(f.dy)) {}

    /// The same sums over the magnitudes of their terms: by how much rounding can be amplified.
    template <class T>
    static exact of_magnitudes(const conv_shape& s, const fast<T>& f) {
        return {s, magnitude(as_double(f.x)), magnitude(as_double(f.w)),
                magnitude(as_double(f.bias)), magnitude(as_double(f.dy))};
    }
};

/// How far rounding can lead, derived (Higham 2002, sections 2.2 and 3.1).
///
/// Each operation returns its exact result times 1 + delta, |delta| <= u, where u is half the
/// distance from 1 to the next number: 2^-24 for float. A fused multiply-add has one such factor
/// instead of two. All results here are sums of products; multiplied out, the computed one is
///
///     sum over j of  term_j (1 + delta_1) ... (1 + delta_k)
///
/// with one factor for each operation that the term goes through. If there are at most k of them
/// and k u < 1, the product differs from 1 by at most gamma_k = k u / (1 - k u), and so
///
///     |computed - exact| <= gamma_k * (sum of |term_j|).
///
/// In a plain convolution each number of y is a bias and n = kernel^2 in products, added one after
/// the other: k = 1 (the product) + n (the additions, one of them to the bias). dx has
/// n = kernel^2 out, dw one product for each pixel of the batch. The numbers of the tests are
/// multiples of 2^-19 below 1, so that nothing underflows.
///
/// Returns the bounds; `magnitudes` are the sums of |term_j|.
template <class T>
std::vector<double> bounds(std::vector<double> magnitudes, double roundings) {
    const double u = std::is_same_v<T, float> ? std::ldexp(1, -24) : std::ldexp(1, -53);
    // the definition is computed in double and errs too
    const double k = roundings * (u + std::ldexp(1, -53));
    for (double& m : magnitudes) m *= k / (1 - k);
    return magnitudes;
}

/// The largest |computed - exact| / bound: at most 1 if all is right.
template <class T>
double worst_error(const std::vector<T>& computed, const std::vector<double>& expected,
                   const std::vector<double>& bound) {
    double worst = 0;
    for (std::size_t i = 0; i < computed.size(); ++i) {
        const double error = std::abs(static_cast<double>(computed[i]) - expected[i]);
        if (error > 0 || std::isnan(error)) worst = support::worse(worst, error / bound[i]);
    }
    return worst;
}

// ---- Winograd: the magnitudes go through the transforms -----------------------------------------
//
// Its result is a sum of products as well, y = A^T [(G g G^T) * (B^T d B)] A multiplied out, and
// the same lemma holds. But where the definition has one term d g, it has one for each of the 36
// positions, for each pair of an input and a tap, also for those that belong to other outputs: they
// cancel in the sum, their roundings do not. So the magnitudes are those of |A|, |B| and |G|. For
// |d|, |g| <= 1 they are `growth`^2 times those of the definition, where
//
//     growth = max over i of  sum over p of |A_pi| (sum of |G_pk|) (sum of |B_pl|) / 3
//
// in one dimension. That is the price of the fewer multiplications.

/// The three matrices of winograd.hpp for the points 0, a, -a, b, -b and infinity, from its own
/// formula for their entries: powers of the points, and polynomials that vanish at the others.
struct matrices {
    double a[6][4] = {}, b[6][6] = {}, g[6][3] = {};

    explicit matrices(double near = 1 / std::sqrt(2.0), double far = std::sqrt(2.0)) {
        const double points[5] = {0, near, -near, far, -far};
        for (int p = 0; p < 5; ++p) {
            double others[6] = {1};  // product of (t - point) over the other points, powers of t
            double norm = 1;
            int degree = 0;
            for (int q = 0; q < 5; ++q) {
                if (q == p) continue;
                for (int i = ++degree; i > 0; --i)
                    others[i] = others[i - 1] - points[q] * others[i];
                others[0] *= -points[q];
                norm *= points[p] - points[q];
            }
            for (int i = 0; i < 6; ++i) b[p][i] = others[i];
            for (int i = 0; i < 4; ++i) a[p][i] = std::pow(points[p], i);
            for (int i = 0; i < 3; ++i) g[p][i] = std::pow(points[p], i) / norm;
        }
        double all[6] = {1};  // t (t - a)(t + a)(t - b)(t + b), for the point at infinity
        for (int q = 0, degree = 0; q < 5; ++q) {
            for (int i = ++degree; i > 0; --i) all[i] = all[i - 1] - points[q] * all[i];
            all[0] *= -points[q];
        }
        for (int i = 0; i < 6; ++i) b[5][i] = all[i];
        a[5][3] = g[5][2] = 1;
    }

    /// By how much more the terms weigh than those of the definition, in one dimension.
    double growth() const {
        double most = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            double sum = 0;
            for (std::size_t p = 0; p < 6; ++p) {
                double of_g = 0, of_b = 0;
                for (double x : g[p]) of_g += std::abs(x);
                for (double x : b[p]) of_b += std::abs(x);
                sum += std::abs(a[p][i]) * of_g * of_b / 3;
            }
            most = std::max(most, sum);
        }
        return most;
    }
};

/// The matrix of a linear map from From to To numbers, column by column.
template <std::size_t From, std::size_t To, class Map>
std::vector<double> matrix_of(Map&& map) {
    std::vector<double> m(From * To);
    for (std::size_t i = 0; i < From; ++i) {
        double in[From] = {}, out[To];
        in[i] = 1;
        map(in, out);
        for (std::size_t o = 0; o < To; ++o) m[o * From + i] = out[o];
    }
    return m;
}

/// out = |m| in |m|^T for a matrix of rows x columns, or |m|^T in |m| if transposed.
inline void transform_magnitude(const double* m, std::size_t rows, std::size_t columns,
                                bool transposed, const double* in, double* out) {
    const std::size_t from = transposed ? rows : columns, to = transposed ? columns : rows;
    const auto at = [&](std::size_t o, std::size_t i) {
        return std::abs(transposed ? m[i * columns + o] : m[o * columns + i]);
    };
    std::vector<double> half(to * from);
    for (std::size_t o = 0; o < to; ++o)
        for (std::size_t c = 0; c < from; ++c)
            for (std::size_t i = 0; i < from; ++i)
                half[o * from + c] += at(o, i) * in[i * from + c];
    for (std::size_t o = 0; o < to; ++o)
        for (std::size_t q = 0; q < to; ++q) {
            out[o * to + q] = 0;
            for (std::size_t i = 0; i < from; ++i) out[o * to + q] += half[o * from + i] * at(q, i);
        }
}

template <bool Transposed, std::size_t Rows, std::size_t Cols>
void transform_magnitude(const double (&m)[Rows][Cols], const double* in, double* out) {
    transform_magnitude(m[0], Rows, Cols, Transposed, in, out);
}

/// The magnitudes of all terms of a Winograd convolution: y (with |bias|) and dw.
struct winograd_magnitudes {
    std::vector<double> y, dw;

    winograd_magnitudes(const conv_shape& s, const std::vector<double>& x,
                        const std::vector<double>& w, const std::vector<double>& bias,
                        const std::vector<double>& dy)
        : y(s.output_size()), dw(s.weight_size()) {
        const matrices m;
        std::vector<double> u(s.in * s.out * 36), du(s.in * s.out * 36);
        for (std::size_t io = 0; io < s.in * s.out; ++io) {
            double g[9];
            for (std::size_t k = 0; k < 9; ++k) g[k] = w[k * s.in * s.out + io];
            transform_magnitude<false>(m.g, g, &u[io * 36]);
        }
        std::vector<double> v(s.in * 36), z(s.out * 36);
        for (std::size_t n = 0; n < s.batch; ++n)
            for (std::size_t row = 0; row < s.height; row += 4)
                for (std::size_t col = 0; col < s.width; col += 4) {
                    for (std::size_t i = 0; i < s.in; ++i) {
                        double d[36] = {};
                        for (std::size_t r = 0; r < 6; ++r)
                            for (std::size_t c = 0; c < 6; ++c)
                                if (row + r - 1 < s.height && col + c - 1 < s.width)
                                    d[r * 6 + c] =
                                        x[pixel(s, n, row + r - 1, col + c - 1) * s.in + i];
                        if (two_are_beyond(s.width, col))  // d_4 = 2.5 d_2 - d_0
                            for (std::size_t r = 0; r < 6; ++r)
                                d[r * 6 + 4] = 2.5 * d[r * 6 + 2] + d[r * 6];
                        if (two_are_beyond(s.height, row))
                            for (std::size_t c = 0; c < 6; ++c)
                                d[4 * 6 + c] = 2.5 * d[2 * 6 + c] + d[c];
                        transform_magnitude<false>(m.b, d, &v[i * 36]);
                        for (std::size_t p = 0; p < 36; ++p)
                            if (left_out(s.height, row, p / 6) || left_out(s.width, col, p % 6))
                                v[i * 36 + p] = 0;
                    }
                    for (std::size_t o = 0; o < s.out; ++o) {
                        double sum[36] = {}, g[16] = {}, out[16];
                        for (std::size_t i = 0; i < s.in; ++i)
                            for (std::size_t p = 0; p < 36; ++p)
                                sum[p] += u[(i * s.out + o) * 36 + p] * v[i * 36 + p];
                        transform_magnitude<true>(m.a, sum, out);
                        for (std::size_t r = 0; r < 4; ++r)
                            for (std::size_t c = 0; c < 4; ++c)
                                if (row + r < s.height && col + c < s.width) {
                                    const std::size_t e = pixel(s, n, row + r, col + c) * s.out + o;
                                    y[e] = out[r * 4 + c] + bias[o];
                                    g[r * 4 + c] = dy[e];
                                }
                        transform_magnitude<false>(m.a, g, &z[o * 36]);
                        for (std::size_t i = 0; i < s.in; ++i)
                            for (std::size_t p = 0; p < 36; ++p)
                                du[(i * s.out + o) * 36 + p] += v[i * 36 + p] * z[o * 36 + p];
                    }
                }
        for (std::size_t io = 0; io < s.in * s.out; ++io) {
            double g[9];
            transform_magnitude<true>(m.g, &du[io * 36], g);
            for (std::size_t k = 0; k < 9; ++k) dw[k * s.in * s.out + io] = g[k];
        }
    }

private:
    /// Of the tile at `at` of so many pixels: whether its last two outputs lie beyond the border.
    static bool two_are_beyond(std::size_t size, std::size_t at) { return at + 2 >= size; }
    /// Whether it does without product p.
    static bool left_out(std::size_t size, std::size_t at, std::size_t p) {
        return (p == 0 && two_are_beyond(size, at)) || (p == 5 && at + 4 > size);
    }
    static std::size_t pixel(const conv_shape& s, std::size_t n, std::size_t row, std::size_t col) {
        return (n * s.height + row) * s.width + col;
    }
};

/// Operations on the longest way through a transform, products not fused, in one dimension; an
/// irrational constant counts as one, as it was rounded. The way leads through both dimensions.
///
///     input    b^2 d, minus, a (rounded), times it, plus                       5
///              at a border s d, minus, minus, plus                             4
///     weights  a^2 g, plus, norm a (two constants, their product), times, plus 7
///     output   minus, b^3 (three for the constant), times, plus, plus          6 (plus is two)
///
/// Between them each term is one product and goes through an addition for each channel or tile.
inline constexpr double input_roundings = 2 * 5, weight_roundings = 2 * 7, output_roundings = 2 * 6;

}  // namespace conv_cases
