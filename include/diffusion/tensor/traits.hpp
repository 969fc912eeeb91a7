#pragma once
// L0: all that the library ever asks of a tensor is a flat view of its elements, and a sibling of
// the same shape.

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace diffusion {

/// The one customisation point: specialise it to make your own type a tensor.
///
///     template <> struct diffusion::tensor_traits<my_image> {
///         using scalar = float;                                        // float or double
///         static my_image like(const my_image& x);                     // same shape, zeroed
///         static std::span<float> elements(my_image& x);               // all of them, contiguous
///         static std::span<const float> elements(const my_image& x);   // in a fixed order
///     };
///
/// `like` is only called while setting up. A view of memory that somebody else owns also names the
/// type `owner` of the sibling that `like` returns. Ready-made: `tensor/std.hpp` (vector, array),
/// `tensor/span.hpp`, `tensor/eigen.hpp`, `tensor/xtensor.hpp`.
template <class X>
struct tensor_traits {};

namespace detail {

template <class X>
struct owner_of {
    using type = X;
};

template <class X>
    requires requires { typename tensor_traits<X>::owner; }
struct owner_of<X> {
    using type = typename tensor_traits<X>::owner;
};

}  // namespace detail

/// Type of the tensors that a run makes beside the state x: X itself, or what owns the memory if X
/// is a view.
template <class X>
using owner_t = typename detail::owner_of<std::remove_cvref_t<X>>::type;

/// Element type of a tensor.
template <class X>
using scalar_t = typename tensor_traits<std::remove_cvref_t<X>>::scalar;

/// A state x that can be diffused: contiguous elements of one floating-point type. Semantics:
/// `elements(x)` always names the same memory in the same order while x lives and is not reshaped;
/// `like(x)` has as many elements, all zero, and shares no memory with x.
template <class X>
concept tensor = std::movable<X> && requires(X& x, const X& c) {
    // Not std::floating_point: where a specialisation of tensor_traits is constrained by that as
    // well, g++ 12 takes the two for one constraint that depends on itself.
    requires std::is_floating_point_v<typename tensor_traits<X>::scalar>;
    { tensor_traits<X>::like(c) } -> std::same_as<owner_t<X>>;
    { tensor_traits<X>::elements(x) } -> std::convertible_to<std::span<scalar_t<X>>>;
    { tensor_traits<X>::elements(c) } -> std::convertible_to<std::span<const scalar_t<X>>>;
};

/// The elements of x as a flat span, in the order of its storage.
template <tensor X>
std::span<scalar_t<X>> elements(X& x) {
    return tensor_traits<X>::elements(x);
}
template <tensor X>
std::span<const scalar_t<X>> elements(const X& x) {
    return tensor_traits<X>::elements(x);
}

/// A tensor of x's shape, zeroed, that owns its memory.
template <tensor X>
owner_t<X> like(const X& x) {
    return tensor_traits<X>::like(x);
}

namespace detail {

/// Instantiated by every public entry point, so that a near-miss is refused in one line that says
/// what to write.
template <class X>
consteval bool is_tensor() {
    constexpr bool only_const = std::is_const_v<X> && tensor<std::remove_const_t<X>>;
    static_assert(
        !only_const,
        "diffusion: the tensor is const, but it is updated in place; pass a mutable tensor");
    static_assert(
        only_const || tensor<X>,
        "diffusion: X is not a tensor; include <diffusion/tensor/eigen.hpp> or "
        "<diffusion/tensor/xtensor.hpp>, copy a block or an expression into a matrix that owns its "
        "memory (.eval()), or specialise diffusion::tensor_traits<X>");
    return tensor<X>;
}

}  // namespace detail
}  // namespace diffusion
