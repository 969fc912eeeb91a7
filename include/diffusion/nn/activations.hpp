#pragma once

#include <cstddef>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/normal_distribution.hpp>
#include <diffusion/nn/softmax.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>

namespace diffusion::nn::detail {

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
/// Its derivative is Phi(x) + x Phi'(x).
template <class T>
var<T> gelu(const var<T>& x) {
    using values = detail::vec<T>;
    return map(
        x, [](values z) { return z * detail::normal_at<T>(z).phi; },
        [](values z, values g) {
            const detail::normal_distribution<T> at = detail::normal_at<T>(z);
            // far out z times the density, which is 0, would be infinity times 0
            return g * (at.phi + detail::gelu_argument<T>(z).x * at.density);
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

}  // namespace diffusion::nn
