#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// A classifier of noisy items and the loss that trains it, for classifier guidance (Dhariwal and
/// Nichol 2021, section 4.1): a `trainable` of batches of labelled items. `net(x_t, times)` gives
/// logits {items, 1, 1, classes}; `nn::noisy_classifier` is such a network.
///
///     L = 1/n sum_i -log p(label_i | x_t, t)
///
/// Times and noise of batch `draw` are a function of `draw` alone; see `simple_objective`. Refers
/// to the network, and owns the noised batch, whose memory is made when the first comes.
template <class Net, noise_schedule S>
class noisy_classification {
public:
    using scalar = parameter_scalar_t<Net>;

    noisy_classification(Net& net, S schedule, time_sampling sampling = time_sampling::stratified)
        : net_(&net), objective_(std::move(schedule), target::data, {}, sampling) {}

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws times and noise for the batch.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        detail::require(batch.labels.size() == batch.items(), "diffusion::noisy_classification",
                        "there must be a label for each item", batch.labels.size());
        if (drawn_.times.size() != batch.items() || drawn_.x_t.size() != batch.values.size())
            drawn_ = objective_.init(batch.values, batch.items());
        objective_.seed = draw.seed;
        objective_.draw(batch.values, drawn_, draw.index);
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        nn::shape shape = batch.shape;
        shape.items = count;
        const nn::var<scalar> x_t =
            tape.constant(shape, drawn_.x_t.data() + first * batch.item_size());
        return nn::cross_entropy_loss(
            (*net_)(x_t, std::span<const double>(drawn_.times).subspan(first, count)),
            std::span<const std::size_t>(batch.labels).subspan(first, count));
    }

private:
    using objective = simple_objective<S>;

    Net* net_;
    objective objective_;
    typename objective::template batch<std::vector<scalar>> drawn_;
};

}  // namespace diffusion
