#pragma once

#include <cstddef>
#include <type_traits>

namespace diffusion::detail {

/// f(std::integral_constant) with an order of 1 .. Most that is known at run time only.
template <std::size_t Most, class F>
auto with_order(std::size_t order, F&& f) {
    if constexpr (Most > 1)
        if (order < Most) return with_order<Most - 1>(order, f);
    return f(std::integral_constant<std::size_t, Most>{});
}

}  // namespace diffusion::detail
