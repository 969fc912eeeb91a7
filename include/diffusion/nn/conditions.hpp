#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>
#include <vector>

namespace diffusion::nn {

/// What a network is told besides x and t, on the tape of x; what is left out is empty.
template <class T>
struct conditions {
    std::span<const std::size_t> labels = {};  ///< one for each item, or one for all
    var<T> tokens = {};      ///< {items, 1, length, channels}: a caption, for cross-attention
    var<T> token_mask = {};  ///< {items, 1, 1, length}: 1, or 0 for padding that nobody looks at
    var<T> image = {};       ///< {items, height, width, channels}: stands beside x, e.g. a mask
    var<T> map = {};         ///< {items, height, width, labels}: what is where, for SPADE
};

/// Values of some items in memory, one item behind the other; none of them unless `shape` says so.
template <class T>
struct item_values {
    nn::shape shape = {0, 1, 1, 1};  ///< of all items together
    std::vector<T> values = {};

    bool empty() const { return shape.items == 0; }
    std::size_t item_size() const { return shape.pixels() * shape.channels; }

    /// One item for reading or writing.
    std::span<T> item(std::size_t i) {
        return std::span(values).subspan(i * item_size(), item_size());
    }
    std::span<const T> item(std::size_t i) const {
        return std::span(values).subspan(i * item_size(), item_size());
    }

    /// Memory for so many items of this kind; none if this is empty.
    item_values like(std::size_t items) const {
        item_values more;
        if (empty()) return more;
        more.shape = shape;
        more.shape.items = items;
        more.values.resize(more.shape.size());
        return more;
    }

    /// `count` items on a tape, viewed; an empty handle if there are none.
    var<T> on(tape<T>& tape, std::size_t first, std::size_t count) const {
        if (empty()) return {};
        diffusion::detail::require(values.size() == shape.size() && first + count <= shape.items,
                                   "diffusion::nn::item_values",
                                   "there must be values for all items", values.size());
        return tape.constant({count, shape.height, shape.width, shape.channels},
                             values.data() + first * item_size());
    }
};

/// The conditions of some items in memory, but for the labels: as they lie in a batch of training
/// data, or are given for the pictures that are to be drawn.
template <class T>
struct condition_values {
    item_values<T> tokens = {}, token_mask = {}, image = {}, map = {};

    static constexpr std::array<item_values<T> condition_values::*, 4> kinds = {
        &condition_values::tokens, &condition_values::token_mask, &condition_values::image,
        &condition_values::map};

    /// Whether there is nothing of any kind.
    bool empty() const {
        return std::ranges::all_of(kinds, [this](auto kind) { return (this->*kind).empty(); });
    }

    /// Memory for the conditions of so many items.
    condition_values like(std::size_t items) const {
        condition_values more;
        for (auto kind : kinds) more.*kind = (this->*kind).like(items);
        return more;
    }

    /// Whether each kind that there is has so many items.
    bool fits(std::size_t items) const {
        return std::ranges::all_of(kinds, [&](auto kind) {
            return (this->*kind).empty() || (this->*kind).shape.items == items;
        });
    }

    /// Item `i` becomes item `other` of `from`, which has the same kinds.
    void copy_item(std::size_t i, const condition_values& from, std::size_t other) {
        for (auto kind : kinds)
            if (!(from.*kind).empty())
                std::ranges::copy((from.*kind).item(other), (this->*kind).item(i).begin());
    }

    /// `count` items on a tape, viewed, beside their labels.
    conditions<T> on(tape<T>& tape, std::size_t first, std::size_t count,
                     std::span<const std::size_t> labels) const {
        return {.labels = labels,
                .tokens = tokens.on(tape, first, count),
                .token_mask = token_mask.on(tape, first, count),
                .image = image.on(tape, first, count),
                .map = map.on(tape, first, count)};
    }
};

/// Calls net(x, t, labels), or, if there are other conditions, net(x, t, conditions): for networks
/// that know both and those that know labels only, which throw std::invalid_argument.
template <class Net, class T>
var<T> ask(Net& net, const var<T>& x, std::span<const double> t, const conditions<T>& given) {
    if (!given.tokens && !given.token_mask && !given.image && !given.map)
        return net(x, t, given.labels);
    if constexpr (requires { net(x, t, given); }) return net(x, t, given);
    diffusion::detail::reject("diffusion::nn::ask", "this network can be told labels only");
}

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
