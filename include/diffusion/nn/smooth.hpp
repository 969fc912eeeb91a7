#pragma once

#include <algorithm>
#include <cmath>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/vector_math.hpp>

namespace diffusion::nn::detail {

/// f of each lane, for functions that have no vector form here.
template <class T, class F>
vec<T> each_lane(vec<T> x, F f) {
    T lanes[width<T>];
    store<T>(lanes, x);
    for (T& v : lanes) v = f(v);
    return load<T>(lanes);
}

// Functions of one element with their first and second derivative.

template <class T>
struct tanh_curve {
    static vec<T> value(vec<T> x) {
        return each_lane<T>(x, [](T v) { return std::tanh(v); });
    }
    static vec<T> slope(vec<T> x) {
        const vec<T> y = value(x);
        return (T(1) - y) * (T(1) + y);
    }
    static vec<T> curvature(vec<T> x) { return T(-2) * value(x) * slope(x); }
};

template <class T>
struct softplus_curve {
    static vec<T> value(vec<T> x) {  // exp of a positive number could overflow
        return each_lane<T>(
            x, [](T v) { return std::max(v, T(0)) + std::log1p(std::exp(-std::abs(v))); });
    }
    static vec<T> slope(vec<T> x) { return logistic<T>(x); }
    static vec<T> curvature(vec<T> x) { return logistic<T>(x) * logistic<T>(-x); }
};

template <class T>
struct elu_curve {
    static vec<T> value(vec<T> x) {
        return each_lane<T>(x, [](T v) { return v > T(0) ? v : std::expm1(v); });
    }
    static vec<T> slope(vec<T> x) { return x > T(0) ? vec<T>{} + T(1) : exp<T>(x); }
    static vec<T> curvature(vec<T> x) { return x > T(0) ? vec<T>{} : exp<T>(x); }
};

template <class T>
struct silu_curve {
    static vec<T> value(vec<T> x) { return silu<T>(x); }
    static vec<T> slope(vec<T> x) { return silu_gradient<T>(x, vec<T>{} + T(1)); }
    static vec<T> curvature(vec<T> x) {
        const vec<T> s = logistic<T>(x);
        return s * (T(1) - s) * (T(2) + x * (T(1) - T(2) * s));
    }
};

/// f(x) in each element.
template <template <class> class Curve, class T>
var<T> value_of(const var<T>& x) {
    return map(
        x, [](vec<T> z) { return Curve<T>::value(z); },
        [](vec<T> z, vec<T> g) { return g * Curve<T>::slope(z); });
}

/// f'(x) in each element, which can be differentiated again.
template <template <class> class Curve, class T>
var<T> slope_of(const var<T>& x) {
    return map(
        x, [](vec<T> z) { return Curve<T>::slope(z); },
        [](vec<T> z, vec<T> g) { return g * Curve<T>::curvature(z); });
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// The hyperbolic tangent of each element. Any shape, as for all functions of one element.
template <class T>
var<T> tanh(const var<T>& x) {
    return detail::value_of<detail::tanh_curve>(x);
}

/// log(1 + exp(x)), a smooth form of max(x, 0) (Dugas et al. 2001).
template <class T>
var<T> softplus(const var<T>& x) {
    return detail::value_of<detail::softplus_curve>(x);
}

/// x where it is positive, else exp(x) - 1 (Clevert et al. 2016, eq. 15 with alpha = 1). Its slope
/// has no jump: the activation of the first score networks (Song and Ermon 2019).
template <class T>
var<T> elu(const var<T>& x) {
    return detail::value_of<detail::elu_curve>(x);
}

}  // namespace diffusion::nn
