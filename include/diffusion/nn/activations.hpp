#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <numbers>

namespace diffusion::nn::detail {

/// The distribution function of N(0, 1) in each lane; erfc keeps the digits of the lower tail.
template <class T>
inline vec<T> normal_distribution(vec<T> x) {
    T lanes[width<T>];
    store<T>(lanes, x);
    for (T& v : lanes) v = T(0.5) * std::erfc(v * T(-1 / std::numbers::sqrt2));
    return load<T>(lanes);
}

/// x and half the argument of the tanh of GELU's second form; beyond 40 the function is x or 0, and
/// x^3 could overflow.
template <class T>
struct gelu_argument {
    static constexpr T slope = T(1.5957691216057308);  // 2 sqrt(2 / pi)
    vec<T> x;

    explicit gelu_argument(vec<T> z) {
        const vec<T> end = vec<T>{} + T(40);
        x = z > end ? end : z < -end ? -end : z;
    }
    vec<T> value() const { return slope * (x + T(0.044715) * x * x * x); }
    vec<T> derivative() const { return slope * (T(1) + T(3 * 0.044715) * x * x); }
};

/// Turns each row of scores into weights: exp(s) / sum exp(s), with the row's maximum subtracted
/// first, without which exp overflows.
template <class T>
void softmax_rows(T* scores, std::size_t rows, std::size_t columns) {
    for (std::size_t i = 0; i < rows; ++i) {
        T* row = scores + i * columns;
        const T largest = *std::max_element(row, row + columns);
        transform(
            columns, row, [&](vec<T> s) { return exp<T>(s - largest); },
            static_cast<const T*>(row));
        T sum = 0;
        for (std::size_t j = 0; j < columns; ++j) sum += row[j];
        for (std::size_t j = 0; j < columns; ++j) row[j] /= sum;
    }
}

/// The gradient with respect to the scores, from the weights p and dL/dp, which it overwrites:
/// ds = factor p (dp - sum over the row of p dp).
template <class T>
void softmax_rows_gradient(const T* p, std::size_t rows, std::size_t columns, T factor, T* dp) {
    for (std::size_t i = 0; i < rows * columns; i += columns) {
        T mean = 0;
        for (std::size_t j = 0; j < columns; ++j) mean += p[i + j] * dp[i + j];
        for (std::size_t j = 0; j < columns; ++j)
            dp[i + j] = factor * p[i + j] * (dp[i + j] - mean);
    }
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// SiLU, also called swish: x / (1 + exp(-x)) (Hendrycks and Gimpel 2016; Elfwing et al. 2017).
/// Any shape, as for all functions of one element.
template <class T>
var<T> silu(const var<T>& x) {
    using values = detail::vec<T>;
    return map(
        x, [](values z) { return detail::silu<T>(z); },
        [](values z, values g) { return detail::silu_gradient<T>(z, g); });
}

/// The rectifier max(x, 0) (Nair and Hinton 2010); its derivative at 0 is taken as 0.
template <class T>
var<T> relu(const var<T>& x) {
    using values = detail::vec<T>;
    return map(
        x, [](values z) { return z < T(0) ? values{} : z; },
        [](values z, values g) { return z > T(0) ? g : values{}; });
}

/// GELU: x Phi(x), where Phi is the distribution function of N(0, 1) (Hendrycks and Gimpel 2016).
template <class T>
var<T> gelu(const var<T>& x) {
    using values = detail::vec<T>;
    return map(
        x, [](values z) { return z * detail::normal_distribution<T>(z); },
        [](values z, values g) {
            // below -40 and above 40 the density is 0 in either precision, and z^2 may overflow
            const values inside = detail::gelu_argument<T>(z).x;
            const values density = detail::exp<T>(T(-0.5) * inside * inside) *
                                   T(0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2);
            return g * (detail::normal_distribution<T>(z) + inside * density);
        });
}

/// GELU by the tanh of a cubic, within 5e-4 of `gelu` and faster:
/// x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016, section 2).
///
/// Written as x logistic(2 u), since (1 + tanh u) / 2 = logistic(2 u).
template <class T>
var<T> gelu_tanh(const var<T>& x) {
    using values = detail::vec<T>;
    using argument = detail::gelu_argument<T>;
    return map(
        x, [](values z) { return z * detail::logistic<T>(argument(z).value()); },
        [](values z, values g) {
            const argument u(z);
            const values s = detail::logistic<T>(u.value());
            return g * (s + u.x * s * (T(1) - s) * u.derivative());
        });
}

/// exp(x_c) / sum over channels of exp(x), at each position of x {items, height, width, channels}.
template <class T>
var<T> softmax(const var<T>& x) {
    const nn::shape s = x.shape();
    nn::tape<T>& tape = x.tape();
    const var<T> y = tape.result(s, x);
    std::copy_n(x.data(), x.size(), y.fill());
    detail::softmax_rows(y.fill(), s.rows(), s.channels);
    // y's own handle keeps its value for the way back
    tape.record(y, [s, y, dx = adjoint_slot<T>(x)](const adjoint_slot<T>& dy) {
        arena_block<T> share(dy.memory(), s.size());
        std::copy_n(dy.read(), s.size(), share.data());
        detail::softmax_rows_gradient(y.data(), s.rows(), s.channels, T(1), share.data());
        dx.add(share.data());
    });
    return y;
}

}  // namespace diffusion::nn
