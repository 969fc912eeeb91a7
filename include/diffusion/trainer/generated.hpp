#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace diffusion {

/// Items that are made when they are wanted, and never twice: an endless data source.
///
/// `make(item, seed, number)` fills the span `item` with item `number` of all that there could be,
/// as a function of (seed, number) alone, and returns its label, or nothing. What it draws by
/// `fill_uniform` or `fill_normal` belongs at {noise_stream::data, number, 1} or a later sub-draw.
/// If that takes long, let `in_worker` do it beside the training.
template <class T, class Make>
class generated {
public:
    generated(const nn::shape& item, Make make) : item_(item), make_(std::move(make)) {
        detail::require(item.pixels() * item.channels > 0, "diffusion::generated",
                        "an item must have at least one element");
    }

    std::size_t size() const { return 0; }

    item_batch<T> init(std::size_t items) {
        item_batch<T> batch;
        batch.shape = {items, item_.height, item_.width, item_.channels};
        batch.values.resize(batch.shape.size());
        batch.labels.resize(labelled ? items : 0);
        return batch;
    }

    void fill(item_batch<T>& batch, const batch_draw& draw) {
        for (std::size_t i = 0; i < batch.items(); ++i) {
            const std::span<T> item =
                std::span<T>(batch.values).subspan(i * batch.item_size(), batch.item_size());
            const std::uint64_t number = draw.index * batch.items() + i;
            if constexpr (labelled)
                batch.labels[i] = static_cast<std::size_t>(make_(item, draw.seed, number));
            else make_(item, draw.seed, number);
        }
    }

private:
    static constexpr bool labelled =
        !std::is_void_v<std::invoke_result_t<Make&, std::span<T>, std::uint64_t, std::uint64_t>>;

    nn::shape item_;
    Make make_;
};

/// generate<float>(shape, make), where the type of `make` need not be spelled out.
template <class T, class Make>
generated<T, Make> generate(const nn::shape& item, Make make) {
    return {item, std::move(make)};
}

}  // namespace diffusion
