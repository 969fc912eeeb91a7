#pragma once

#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// What a network is told besides x and t, on the tape of x; what is left out is empty.
template <class T>
struct conditions {
    std::span<const std::size_t> labels = {};  ///< one for each item, or one for all
    var<T> tokens = {};      ///< {items, 1, length, channels}: a caption, for cross-attention
    var<T> token_mask = {};  ///< {items, 1, length, 1}: 1, or 0 for padding that nobody looks at
    var<T> image = {};       ///< {items, height, width, channels}: stands beside x, e.g. a mask
    var<T> map = {};         ///< {items, height, width, labels}: what is where, for SPADE
};

}  // namespace diffusion::nn

namespace diffusion::nn::detail {

/// Throws std::invalid_argument unless v has the shape `wanted`, or is empty where no channels are
/// wanted: with the rule `unknown` for what a net cannot be told, else with the rule `missing`.
template <class T>
void check_condition(const var<T>& v, const nn::shape& wanted, const char* function,
                     const char* unknown, const char* missing) {
    if (v ? v.shape() == wanted : wanted.channels == 0) return;
    diffusion::detail::reject(function, wanted.channels == 0 ? unknown : missing,
                              v ? to_string(v.shape()) : "nothing");
}

}  // namespace diffusion::nn::detail
