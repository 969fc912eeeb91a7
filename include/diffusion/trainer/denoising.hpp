#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// What a network is asked, and at which times.
struct denoising_options {
    target kind = target::velocity;
    time_sampling sampling = time_sampling::stratified;
    double dropped_labels = 0;   ///< the share that is told nothing, for classifier-free guidance
    std::size_t null_label = 0;  ///< what a dropped label becomes
};

/// A network and the regression that trains it (Ho et al. 2020, algorithm 1): a `trainable` of
/// batches of items. `net(x_t, times, labels)` gives a `var` of the shape of x_t; `unet` and `mlp`
/// are such networks. If the batch has other conditions, it is `net(x_t, times, conditions)`.
///
///     L = 1/n sum_i w(t_i) mean (net(x_t, t, label)_i - target_i)^2
///
/// Times, noise and dropped labels of batch `draw` are a function of `draw` alone; see
/// `simple_objective`. Labels are dropped with a fixed probability (Ho and Salimans 2022, alg. 1),
/// and with an item's label its tokens and its map, which become zeros. Refers to the network, and
/// owns the noised batch, whose memory is made when the first comes.
template <class Net, noise_schedule S, loss_weighting W = unweighted>
class denoising {
public:
    using scalar = parameter_scalar_t<Net>;

    denoising(Net& net, S schedule, const denoising_options& options = {}, W weighting = {})
        : net_(&net),
          options_(options),
          objective_(std::move(schedule), options.kind, std::move(weighting), options.sampling) {
        detail::require(options.dropped_labels >= 0 && options.dropped_labels <= 1,
                        "diffusion::denoising", "the share of dropped labels must be in [0, 1]",
                        options.dropped_labels);
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws times and noise for the batch, and which labels are dropped.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        if (drawn_.times.size() != batch.items() || drawn_.x_t.size() != batch.values.size())
            drawn_ = objective_.init(batch.values, batch.items());
        objective_.seed = draw.seed;
        objective_.draw(batch.values, drawn_, draw.index);
        labels_ = batch.labels;
        if (options_.dropped_labels == 0) return;
        given_ = batch.given;
        luck_.resize(batch.items());
        fill_uniform<double>(luck_, draw.seed, {noise_stream::dropout, draw.index});
        for (std::size_t i = 0; i < luck_.size(); ++i)
            if (luck_[i] < options_.dropped_labels) drop(i);
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size();
        nn::shape shape = batch.shape;
        shape.items = count;
        const std::span<const std::size_t> labels(labels_);
        const nn::condition_values<scalar>& given =
            options_.dropped_labels == 0 ? batch.given : given_;
        const nn::var<scalar> predicted = nn::ask(
            *net_, tape.constant(shape, drawn_.x_t.data() + first * size),
            std::span<const double>(drawn_.times).subspan(first, count),
            given.on(tape, first, count, labels.empty() ? labels : labels.subspan(first, count)));
        return nn::mse_loss(
            predicted, std::span<const scalar>(drawn_.target).subspan(first * size, count * size),
            std::span<const double>(drawn_.weights).subspan(first, count));
    }

private:
    using objective = simple_objective<S, W>;

    void drop(std::size_t i) {
        if (!labels_.empty()) labels_[i] = options_.null_label;
        for (nn::item_values<scalar>* kind : {&given_.tokens, &given_.map})
            if (!kind->empty()) std::ranges::fill(kind->item(i), scalar(0));
    }

    Net* net_;
    denoising_options options_;
    objective objective_;
    typename objective::template batch<std::vector<scalar>> drawn_;
    std::vector<std::size_t> labels_;
    nn::condition_values<scalar> given_;  // with zeros for what was dropped
    std::vector<double> luck_;
};

}  // namespace diffusion
