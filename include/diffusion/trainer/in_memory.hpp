#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// How items follow each other: shuffled anew for each pass over all of them, so that each pass
/// shows every item once, or each picked independently of the others, with replacement.
enum class item_order { shuffled, independent };

/// Items that lie in memory. A data source that looks at the user's arrays: they must stay in
/// place. The order of a pass is a function of (seed, pass) alone (Fisher and Yates 1938), so it
/// need not be saved; it is kept until items of another pass are wanted.
template <class T, class Label = std::size_t>
class in_memory {
public:
    /// `item`: the shape of one (item.items is not read); `labels`: one for each item, or none.
    /// Throws std::invalid_argument if there is no item, or a part of one.
    in_memory(const nn::shape& item, std::span<const T> values, std::span<const Label> labels = {},
              item_order order = item_order::shuffled)
        : item_(item), values_(values), labels_(labels), order_(order) {
        constexpr const char* function = "diffusion::in_memory";
        const std::size_t size = item.pixels() * item.channels;
        detail::require(size > 0, function, "an item must have at least one element", size);
        detail::require(!values.empty() && values.size() % size == 0, function,
                        "the values must be those of one or more whole items", values.size());
        detail::require(labels.empty() || labels.size() == values.size() / size, function,
                        "there must be one label for each item, or none", labels.size());
    }

    /// All items of a set, with what is given beside them; it must stay in place.
    explicit in_memory(const item_batch<T>& set, item_order order = item_order::shuffled) requires
        std::same_as<Label, std::size_t> : in_memory(set.shape, set.values, set.labels, order) {
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
        const std::size_t length = batch.item_size();
        if (order_ == item_order::independent) {
            luck_.resize(batch.items());
            draw.uniform<double>(luck_);
        }
        for (std::size_t i = 0; i < batch.items(); ++i) {
            const std::size_t pick = order_ == item_order::independent
                                         ? scaled(luck_[i], size())
                                         : shuffled(draw.seed, draw.index * batch.items() + i);
            std::copy_n(values_.data() + pick * length, length, batch.values.data() + i * length);
            if (!labels_.empty()) batch.labels[i] = static_cast<std::size_t>(labels_[pick]);
            if (given_ != nullptr) batch.given.copy_item(i, *given_, pick);
        }
    }

private:
    /// u in (0, 1) to 0, ..., count - 1.
    static std::size_t scaled(double u, std::size_t count) {
        return std::min(static_cast<std::size_t>(u * static_cast<double>(count)), count - 1);
    }

    /// Which item comes at this place of the training.
    std::size_t shuffled(std::uint64_t seed, std::uint64_t place) {
        const std::size_t count = size();
        const batch_draw pass{seed, place / count};
        if (pass_ != pass || items_.empty()) {
            items_.resize(count);
            luck_.resize(count);
            std::iota(items_.begin(), items_.end(), std::size_t{0});
            pass.uniform<double>(luck_);
            for (std::size_t i = count; i-- > 1;)
                std::swap(items_[i], items_[scaled(luck_[i], i + 1)]);
            pass_ = pass;
        }
        return items_[place % count];
    }

    nn::shape item_;
    std::span<const T> values_;
    std::span<const Label> labels_;
    item_order order_;
    const nn::condition_values<T>* given_ = nullptr;
    std::vector<double> luck_;
    std::vector<std::size_t> items_;  // in the order of the pass
    batch_draw pass_;
};

template <class T>
in_memory(const item_batch<T>&, item_order = {}) -> in_memory<T>;

}  // namespace diffusion
