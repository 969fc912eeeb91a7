#pragma once
// L5: what an observer is shown after each step.

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Step i of n is done: x is the state at t = grid[i + 1], x0 the latest estimate of the data on
/// which the step was based.
template <class X>
struct step_view {
    std::size_t i, n;
    node t;
    const X& x;
    const owner_t<X>& x0;
};

/// An observer is any callable on a step_view. One that returns bool stops the run by returning
/// false.
template <class O, class X>
concept observer = requires(O& observe, const step_view<X>& step) {
    requires std::is_void_v<decltype(observe(step))> ||
        std::convertible_to<decltype(observe(step)), bool>;
};

/// The observer that looks away.
struct no_observer {
    template <class View>
    void operator()(const View&) const {}
};

namespace detail {

/// Shows the step; true to go on.
template <class O, class View>
bool observed(O& observe, const View& view) {
    if constexpr (std::is_void_v<std::invoke_result_t<O&, const View&>>) {
        observe(view);
        return true;
    } else {
        return static_cast<bool>(observe(view));
    }
}

}  // namespace detail
}  // namespace diffusion
