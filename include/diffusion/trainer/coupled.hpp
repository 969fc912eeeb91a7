#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/in_memory.hpp>

namespace diffusion {

/// Items, each with the noise that belongs to it.
template <class T>
struct coupled_batch : item_batch<T> {
    std::vector<T> noise;
};

/// Pairs of noise and data as a data source. For the reflow of Liu et al. (2023, algorithm 1) they
/// are (Z_0, Z_1) of the current flow, noise and where it ends:
///
///     std::vector<float> z = noise, x = noise;
///     sample(x, sampler, predicts_flow(network));
///     coupled pairs(item_shape, x, z);
///
/// and `regression` then trains the straight lines between them. Copies the pairs; the order is
/// that of `in_memory`. Throws std::invalid_argument unless there is a noise for each item.
template <class T>
class coupled {
public:
    /// `item`: the shape of one (item.items is not read).
    coupled(const nn::shape& item, std::span<const T> values, std::span<const T> noise,
            item_order order = item_order::shuffled)
        : item_(item),
          both_(joined(item, values, noise)),
          pairs_({1, 1, 1, 2 * item.pixels() * item.channels}, both_, {}, order) {}
    coupled(const nn::shape& item, const std::vector<T>& values, const std::vector<T>& noise,
            item_order order = item_order::shuffled)
        : coupled(item, std::span<const T>(values), std::span<const T>(noise), order) {}
    coupled(const coupled&) = delete;  // pairs_ looks at both_
    coupled& operator=(const coupled&) = delete;

    std::size_t size() const { return pairs_.size(); }

    coupled_batch<T> init(std::size_t items) {
        coupled_batch<T> batch;
        batch.shape = {items, item_.height, item_.width, item_.channels};
        batch.values.resize(batch.shape.size());
        batch.noise.resize(batch.shape.size());
        return batch;
    }

    void fill(coupled_batch<T>& batch, const batch_draw& draw) {
        if (drawn_.items() != batch.items()) drawn_ = pairs_.init(batch.items());
        pairs_.fill(drawn_, draw);
        const std::size_t size = batch.item_size();
        for (std::size_t i = 0; i < batch.items(); ++i) {
            std::copy_n(drawn_.values.data() + 2 * i * size, size, batch.values.data() + i * size);
            std::copy_n(drawn_.values.data() + (2 * i + 1) * size, size,
                        batch.noise.data() + i * size);
        }
    }

private:
    /// Each item, and behind it its noise.
    static std::vector<T> joined(const nn::shape& item, std::span<const T> values,
                                 std::span<const T> noise) {
        constexpr const char* function = "diffusion::coupled";
        const std::size_t size = item.pixels() * item.channels;
        detail::require(size > 0, function, "an item must have at least one element", size);
        detail::require(!values.empty() && values.size() % size == 0, function,
                        "the values must be those of one or more whole items", values.size());
        detail::require(noise.size() == values.size(), function,
                        "there must be a noise for each item, of its size", noise.size());
        std::vector<T> both;
        both.reserve(2 * values.size());
        for (std::size_t i = 0; i < values.size(); i += size)
            for (const std::span<const T> part : {values, noise})
                both.insert(both.end(), part.data() + i, part.data() + i + size);
        return both;
    }

    nn::shape item_;
    std::vector<T> both_;
    in_memory<T> pairs_;
    item_batch<T> drawn_;
};

}  // namespace diffusion
