#pragma once
// L0: xtensor's containers as tensors. Written for xtensor 0.24 to 0.27.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

#include <diffusion/detail/xtensor.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// `xt::xarray<T>` and `xt::xtensor<T, N>` of float or double, any layout: elements are in storage
/// order. Views and lazy expressions are not tensors: call `xt::eval` first.
template <class X>
    requires std::derived_from<X, xt::xcontainer<X>> &&
        std::floating_point<typename X::value_type> && requires(X& x) {
        x.storage().data();
    } && std::constructible_from<X, typename X::shape_type>
struct tensor_traits<X> {
    using scalar = typename X::value_type;
    static X like(const X& x) {
        X sibling = x;  // keeps shape, strides and layout
        std::fill(sibling.storage().begin(), sibling.storage().end(), scalar{});
        return sibling;
    }
    static std::span<scalar> elements(X& x) { return {x.storage().data(), x.storage().size()}; }
    static std::span<const scalar> elements(const X& x) {
        return {x.storage().data(), x.storage().size()};
    }
};

}  // namespace diffusion
