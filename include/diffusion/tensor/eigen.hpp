#pragma once
// L0: Eigen's owning matrices and arrays as tensors. The only core header that knows Eigen.

#include <concepts>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Every `Eigen::Matrix` and `Eigen::Array` of float or double, fixed and dynamic, in both storage
/// orders. Elements are in storage order. Blocks, maps and expressions are not tensors: call
/// `.eval()` first, or hand over `std::span(m.data(), m.size())`. In a column-major matrix of
/// items, an item is a column.
template <class X>
    requires std::derived_from<X, Eigen::PlainObjectBase<X>> &&
        std::floating_point<typename X::Scalar>
struct tensor_traits<X> {
    using scalar = typename X::Scalar;
    static X like(const X& x) { return X::Zero(x.rows(), x.cols()); }
    static std::span<scalar> elements(X& x) {
        return {x.data(), static_cast<std::size_t>(x.size())};
    }
    static std::span<const scalar> elements(const X& x) {
        return {x.data(), static_cast<std::size_t>(x.size())};
    }
};

}  // namespace diffusion
