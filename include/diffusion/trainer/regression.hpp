#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/ask_items.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// A network and any objective that says what it sees, is told and should answer: a `trainable` of
/// batches of items.
///
///     L = 1/n sum_i weights_i mean (net(x_t, times, labels)_i - target_i)^2
///
///     regression(net, edm_objective(0.5))                                     // EDM
///     regression(net, simple_objective(flow_schedule{}, target::flow, unweighted{},
///                                      time_sampling::stratified, 0, logit_normal_times{}))
///
/// The objective is `preconditioned_objective`, `simple_objective`, or of their form: `seed`,
/// `init(x_0, items)`, `draw(x_0, batch, iteration)`, and for data that come with their noise
/// (`coupled`) `draw(x_0, eps, batch, iteration)`. Labels and other conditions are told as they
/// are; to drop labels for classifier-free guidance see `denoising`. Times and noise of batch
/// `draw` are a function of `draw` alone. Refers to the network, and owns the noised batch, whose
/// memory is made when the first comes.
template <class Net, class Objective>
class regression {
public:
    using scalar = parameter_scalar_t<Net>;

    explicit regression(Net& net, Objective objective)
        : net_(&net), objective_(std::move(objective)) {}

    nn::parameters<scalar>& parameters() { return net_->parameters(); }
    const Objective& objective() const { return objective_; }

    /// Draws times, and noise unless the batch has it.
    template <class Batch>
    void prepare(const Batch& batch, const batch_draw& draw) {
        detail::require_labels(batch, "diffusion::regression");
        if (drawn_.times.size() != batch.items() || drawn_.x_t.size() != batch.values.size())
            drawn_ = objective_.init(batch.values, batch.items());
        objective_.seed = draw.seed;
        if constexpr (requires { batch.noise; })
            objective_.draw(batch.values, batch.noise, drawn_, draw.index);
        else objective_.draw(batch.values, drawn_, draw.index);
    }

    /// The mean loss of some items of the batch that was prepared last.
    template <class Batch>
    nn::var<scalar> loss(nn::tape<scalar>& tape, const Batch& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size();
        return nn::mse_loss(
            detail::ask_items(*net_, tape, batch, drawn_.x_t, drawn_.times, first, count),
            std::span<const scalar>(drawn_.target).subspan(first * size, count * size),
            std::span<const double>(drawn_.weights).subspan(first, count));
    }

private:
    Net* net_;
    Objective objective_;
    typename Objective::template batch<std::vector<scalar>> drawn_;
};

}  // namespace diffusion
