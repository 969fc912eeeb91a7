#pragma once
// What a trainer wants of the data, and the batch that the sources of this folder fill.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>

namespace diffusion {

/// Where the randomness of one batch comes from: batch number `index` of the training with `seed`.
/// Whatever is drawn for it is a function of these two, so that nothing about the generator has to
/// be saved with a checkpoint.
struct batch_draw {
    std::uint64_t seed = 0;
    std::uint64_t index = 0;

    /// Numbers uniform in (0, 1); another `sub_draw`, other numbers.
    template <class T>
    void uniform(std::span<T> out, std::uint32_t sub_draw = 0) const {
        fill_uniform(out, seed, {noise_stream::data, index, sub_draw});
    }

    friend bool operator==(const batch_draw&, const batch_draw&) = default;
};

/// Items of one shape, one behind the other, each with a label (or none at all), and what else a
/// network may be told of it: a caption's tokens, an image, a map.
template <class T>
struct item_batch {
    nn::shape shape;  ///< of all items together
    std::vector<T> values;
    std::vector<std::size_t> labels;     ///< empty: there are none
    nn::condition_values<T> given = {};  ///< empty: there is nothing else

    std::size_t items() const { return shape.items; }
    std::size_t item_size() const { return shape.pixels() * shape.channels; }
};

namespace detail {

/// A batch has a label for each item, or none at all.
template <class Batch>
void require_labels(const Batch& batch, const char* function) {
    require(batch.labels.empty() || batch.labels.size() == batch.items(), function,
            "there must be a label for each item, or none", batch.labels.size());
}

}  // namespace detail

/// Where training data comes from: `data.init(n)` makes the memory of a batch of n items, once;
/// `data.fill(batch, draw)` fills it; `data.size()` is the number of different items, 0 if there is
/// no end of them.
/// Semantics: what `fill` writes is a function of the data and of `draw` alone, whatever was filled
/// before. That makes training resumable to the bit. It allocates nothing but for the first time.
template <class D>
concept data_source = requires(D& data, const batch_draw& draw, std::size_t items) {
    { data.size() } -> std::convertible_to<std::size_t>;
    { data.init(items).items() } -> std::convertible_to<std::size_t>;
    requires requires(decltype(data.init(items))& batch) { data.fill(batch, draw); };
};

/// The batch that a data source fills.
template <data_source D>
using batch_of = decltype(std::declval<D&>().init(std::size_t{}));

}  // namespace diffusion
