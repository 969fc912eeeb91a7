#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// Items that lie in memory; a batch is picked from them independently, with replacement. A data
/// source that looks at the user's arrays: they must stay in place.
template <class T, class Label = std::size_t>
class in_memory {
public:
    /// `item`: the shape of one (item.items is not read); `labels`: one for each item, or none.
    /// Throws std::invalid_argument if there is no item, or a part of one.
    in_memory(const nn::shape& item, std::span<const T> values, std::span<const Label> labels = {})
        : item_(item), values_(values), labels_(labels) {
        constexpr const char* function = "diffusion::in_memory";
        const std::size_t size = item.pixels() * item.channels;
        detail::require(size > 0, function, "an item must have at least one element", size);
        detail::require(!values.empty() && values.size() % size == 0, function,
                        "the values must be those of one or more whole items", values.size());
        detail::require(labels.empty() || labels.size() == values.size() / size, function,
                        "there must be one label for each item, or none", labels.size());
    }

    /// All items of a set, with what is given beside them; it must stay in place.
    explicit in_memory(const item_batch<T>& set) requires std::same_as<Label, std::size_t>
        : in_memory(set.shape, set.values, set.labels) {
        detail::require(set.given.fits(size()), "diffusion::in_memory",
                        "there must be conditions for each item, or none", size());
        given_ = &set.given;
    }

    std::size_t size() const { return values_.size() / (item_.pixels() * item_.channels); }

    item_batch<T> init(std::size_t items) {
        item_batch<T> batch;
        batch.shape = {items, item_.height, item_.width, item_.channels};
        batch.values.resize(batch.shape.size());
        batch.labels.resize(labels_.empty() ? 0 : items);
        if (given_ != nullptr) batch.given = given_->like(items);
        return batch;
    }

    void fill(item_batch<T>& batch, const batch_draw& draw) {
        const std::size_t count = size(), length = batch.item_size();
        luck_.resize(batch.items());
        draw.uniform<double>(luck_);
        for (std::size_t i = 0; i < batch.items(); ++i) {
            const double place = luck_[i] * static_cast<double>(count);
            const std::size_t pick = std::min(static_cast<std::size_t>(place), count - 1);
            std::copy_n(values_.data() + pick * length, length, batch.values.data() + i * length);
            if (!labels_.empty()) batch.labels[i] = static_cast<std::size_t>(labels_[pick]);
            if (given_ != nullptr) batch.given.copy_item(i, *given_, pick);
        }
    }

private:
    nn::shape item_;
    std::span<const T> values_;
    std::span<const Label> labels_;
    const nn::condition_values<T>* given_ = nullptr;
    std::vector<double> luck_;
};

template <class T>
in_memory(const item_batch<T>&) -> in_memory<T>;

}  // namespace diffusion
