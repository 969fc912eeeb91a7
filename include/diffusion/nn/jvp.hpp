#pragma once

#include <cstddef>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/smooth.hpp>
#include <diffusion/nn/tape.hpp>
#include <utility>

/// Differentiation forward: a value travels through the net together with its tangent, the
/// derivative along one direction of the input (Wengert 1964; Griewank and Walther 2008, ch. 3.1).
///
/// Each rule below is made of ordinary operations on the tape. So a tangent can be differentiated
/// again, with respect to the parameters or to x: `backward` of something computed from J v is
/// forward over reverse, exact and without second-order adjoints. An operation without a rule does
/// not compile.
namespace diffusion::nn {

/// A value and its tangent, of the same shape and on the same tape.
template <class T>
struct dual {
    var<T> value, tangent;

    nn::tape<T>& tape() const { return value.tape(); }
    nn::shape shape() const { return value.shape(); }
};

/// f(x) and the Jacobian-vector product J v, J = df/dx, in the shape of f(x). `f` is called with a
/// dual: a layer, a net made of layers such as `mlp`, or a generic lambda. The parameter gradient
/// of sliced score matching, for scores s and directions v (Song et al. 2019, eq. 8):
///
///     const auto [s, js] = jvp(net, x, v);          // net: [&](const auto& in) { ... }
///     loss = mean of v . js + (v . s)^2 / 2         // then backward(loss)
template <class F, class T>
dual<T> jvp(F&& f, const var<T>& x, const var<T>& v) {
    diffusion::detail::require_shapes(x.shape() == v.shape(), "diffusion::nn::jvp",
                                      "v must have the shape of x", v.shape(), x.shape());
    return f(dual<T>{x, v});
}

// ---- linear in the dual: the tangent goes the way of the value ----------------------------------

template <class T>
dual<T> add(dual<T> a, const dual<T>& b) {
    return {add(std::move(a.value), b.value), add(std::move(a.tangent), b.tangent)};
}
template <class T>
dual<T> add(dual<T> a, const var<T>& constant) {
    return {add(std::move(a.value), constant), std::move(a.tangent)};
}
template <class T>
dual<T> scale(const dual<T>& x, T factor) {
    return {scale(x.value, factor), scale(x.tangent, factor)};
}
template <class T>
dual<T> concat(const dual<T>& a, const dual<T>& b) {
    return {concat(a.value, b.value), concat(a.tangent, b.tangent)};
}
template <class T>
dual<T> upsample_nearest(const dual<T>& x, std::size_t factor = 2) {
    return {upsample_nearest(x.value, factor), upsample_nearest(x.tangent, factor)};
}
template <class T>
dual<T> average_pool(const dual<T>& x, std::size_t factor = 2) {
    return {average_pool(x.value, factor), average_pool(x.tangent, factor)};
}
template <class T>
dual<T> linear(const dual<T>& x, const var<T>& w, const var<T>& b,
               const prepared_weights<T>& prepared = {}) {
    return {linear(x.value, w, b, prepared), linear(x.tangent, w, var<T>(), prepared)};
}
template <class T>
dual<T> convolve(const dual<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                 std::size_t kernel, std::size_t stride = 1,
                 const prepared_weights<T>& prepared = {}) {
    return {convolve(x.value, w, b, out, kernel, stride, prepared),
            convolve(x.tangent, w, var<T>(), out, kernel, stride, prepared)};
}
template <class T>
dual<T> convolve_doubled(const dual<T>& x, const var<T>& w, const var<T>& b, std::size_t out,
                         const prepared_weights<T>& prepared = {}) {
    return {convolve_doubled(x.value, w, b, out, prepared),
            convolve_doubled(x.tangent, w, var<T>(), out, prepared)};
}

// ---- products and functions ---------------------------------------------------------------------

template <class T>
dual<T> multiply(const dual<T>& a, const var<T>& constant) {
    return {multiply(a.value, constant), multiply(a.tangent, constant)};
}
template <class T>
dual<T> multiply(const dual<T>& a, const dual<T>& b) {
    return {multiply(a.value, b.value),
            add(multiply(a.tangent, b.value), multiply(a.value, b.tangent))};
}

}  // namespace diffusion::nn

namespace diffusion::nn::detail {

template <template <class> class Curve, class T>
dual<T> value_of(const dual<T>& x) {
    return {value_of<Curve>(x.value), multiply(slope_of<Curve>(x.value), x.tangent)};
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

template <class T>
dual<T> silu(const dual<T>& x) {
    return detail::value_of<detail::silu_curve>(x);
}
template <class T>
dual<T> tanh(const dual<T>& x) {
    return detail::value_of<detail::tanh_curve>(x);
}
template <class T>
dual<T> softplus(const dual<T>& x) {
    return detail::value_of<detail::softplus_curve>(x);
}
template <class T>
dual<T> elu(const dual<T>& x) {
    return detail::value_of<detail::elu_curve>(x);
}

}  // namespace diffusion::nn
