#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>
#include <string>

namespace diffusion::nn {

/// Row labels[n] of the table for item n: {items, 1, 1, channels}. `labels`: one for each item or
/// one for all; viewed, they must stay in place until `backward`. `learned`: the only row of the
/// table that gets a gradient, if not all do.
template <class T>
var<T> embedding(nn::tape<T>& tape, const var<T>& table, std::size_t channels, std::size_t items,
                 std::span<const std::size_t> labels,
                 std::size_t learned = parameter_info::all_rows) {
    diffusion::detail::require(
        labels.size() == items || labels.size() == 1, "diffusion::nn::embedding",
        "there must be one label for each item, or one for all", labels.size());
    const std::size_t rows = table.size() / channels;
    for (std::size_t label : labels)
        diffusion::detail::require(label < rows, "diffusion::nn::embedding",
                                   "a label must be a row of the table", label);
    const std::size_t step = labels.size() == 1 ? 0 : 1;
    const var<T> y = tape.result({items, 1, 1, channels}, table);
    for (std::size_t n = 0; n < items; ++n)
        std::copy_n(table.data() + labels[n * step] * channels, channels, y.fill() + n * channels);
    tape.record(y, [labels, step, channels, items, learned,
                    dtable = adjoint_slot<T>(table)](const adjoint_slot<T>& dy) {
        T* sum = dtable.write_zeroed();
        for (std::size_t n = 0; n < items; ++n) {
            if (learned != parameter_info::all_rows && labels[n * step] != learned) continue;
            for (std::size_t c = 0; c < channels; ++c)
                sum[labels[n * step] * channels + c] += dy.read()[n * channels + c];
        }
    });
    return y;
}

/// A table of `rows` learned vectors, named `name`.weight, from a normal distribution.
template <class T>
struct embedding_layer {
    parameter<T> weight;

    embedding_layer() = default;
    embedding_layer(parameters<T>& store, const std::string& name, std::size_t rows,
                    std::size_t channels) {
        weight = store.add(name + ".weight", {rows, channels}, parameter_layout::plain,
                           initial::normal(1));
    }

    var<T> operator()(nn::tape<T>& tape, std::size_t items,
                      std::span<const std::size_t> labels) const {
        const parameter_info& info = weight.info();
        return embedding(tape, tape.use(weight), info.sizes[1], items, labels, info.row);
    }
};

}  // namespace diffusion::nn
