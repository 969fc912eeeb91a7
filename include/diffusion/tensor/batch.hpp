#pragma once
// L0: a tensor as a batch of equal items that lie one behind the other.

#include <concepts>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Number of elements of each of `items` equal, contiguous slices of `size` elements. Throws
/// std::invalid_argument if items is 0 or does not divide size.
inline std::size_t item_size(std::size_t size, std::size_t items) {
    detail::require(items > 0, "diffusion::item_size", "a batch needs at least one item", items);
    detail::require(size % items == 0, "diffusion::item_size",
                    "the number of items must divide the number of elements", items);
    return size / items;
}

/// Calls f(i, slice) for each item i = 0 .. items-1 of a batch; slices follow storage order. In a
/// row-major array of shape (N, ...) an item is x[i]; in a column-major Eigen matrix an item is a
/// column.
template <tensor X, class F>
void for_each_item(X& x, std::size_t items, F&& f) {
    const std::span<scalar_t<X>> all = elements(x);
    const std::size_t n = item_size(all.size(), items);
    for (std::size_t i = 0; i < items; ++i) f(i, all.subspan(i * n, n));
}
template <tensor X, class F>
void for_each_item(const X& x, std::size_t items, F&& f) {
    const std::span<const scalar_t<X>> all = elements(x);
    const std::size_t n = item_size(all.size(), items);
    for (std::size_t i = 0; i < items; ++i) f(i, all.subspan(i * n, n));
}

}  // namespace diffusion
