#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/tape.hpp>

namespace diffusion::detail {

/// What a network answers to items first, ..., first + count - 1 of a batch when it sees `x` and
/// `times` (of all items) beside their labels and other conditions.
template <class Net, class T, class Batch>
nn::var<T> ask_items(Net& net, nn::tape<T>& tape, const Batch& batch, const std::vector<T>& x,
                     const std::vector<double>& times, std::size_t first, std::size_t count) {
    nn::shape shape = batch.shape;
    shape.items = count;
    const std::span<const std::size_t> labels(batch.labels);
    return nn::ask(
        net, tape.constant(shape, x.data() + first * batch.item_size()),
        std::span(times).subspan(first, count),
        batch.given.on(tape, first, count, labels.empty() ? labels : labels.subspan(first, count)));
}

}  // namespace diffusion::detail
