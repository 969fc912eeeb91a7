#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/variance_loss.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// What a network is asked, and at which times.
struct denoising_options {
    target kind = target::velocity;
    time_sampling sampling = time_sampling::stratified;
    double dropped_labels = 0;  ///< the share that is told nothing, for classifier-free guidance
    std::optional<std::size_t> null_label{};  ///< what a dropped label becomes, if there are labels
    double variance_weight = 0.001;  ///< of the bound's T terms, for networks with learned variance
};

/// A network and the regression that trains it (Ho et al. 2020, algorithm 1): a `trainable` of
/// batches of items. `net(x_t, times, labels)` gives a `var` of the shape of x_t; `unet` and `mlp`
/// are such networks. If the batch has other conditions, it is `net(x_t, times, conditions)`.
///
///     L = 1/n sum_i w(t_i) mean (net(x_t, t, label)_i - target_i)^2
///
/// A network with learned variance, with twice the channels of x_t, is trained on L_hybrid = L +
/// variance_weight T `nn::variance_loss` (Nichol and Dhariwal 2021, eq. 16), and needs a discrete
/// schedule.
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
        detail::require(batch.labels.empty() || batch.labels.size() == batch.items(),
                        "diffusion::denoising", "there must be a label for each item, or none",
                        batch.labels.size());
        detail::require(
            batch.labels.empty() || options_.dropped_labels == 0 || options_.null_label,
            "diffusion::denoising",
            "to drop labels it must be said what one becomes: null_label; the share to be dropped",
            options_.dropped_labels);
        if (drawn_.times.size() != batch.items() || drawn_.x_t.size() != batch.values.size())
            drawn_ = objective_.init(batch.values, batch.items());
        objective_.seed = draw.seed;
        objective_.draw(batch.values, drawn_, draw.index);
        labels_ = batch.labels;
        if constexpr (discrete_noise_schedule<S>) find_variances();
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
        const auto target =
            std::span<const scalar>(drawn_.target).subspan(first * size, count * size);
        const auto weights = std::span<const double>(drawn_.weights).subspan(first, count);
        if (predicted.shape().channels != 2 * shape.channels)
            return nn::mse_loss(predicted, target, weights);
        const auto prediction = nn::slice(predicted, 0, shape.channels);
        return nn::add(nn::mse_loss(prediction, target, weights),
                       bound(predicted, target, first, count));
    }

private:
    using objective = simple_objective<S, W>;

    void drop(std::size_t i) {
        if (!labels_.empty()) labels_[i] = *options_.null_label;
        for (nn::item_values<scalar>* kind : {&given_.tokens, &given_.map})
            if (!kind->empty()) std::ranges::fill(kind->item(i), scalar(0));
    }

    /// The variance's share of the loss of some items.
    nn::var<scalar> bound(const nn::var<scalar>& predicted, std::span<const scalar> target,
                          std::size_t first, std::size_t count) const {
        if constexpr (discrete_noise_schedule<S>) {
            const double T = static_cast<double>(objective_.schedule.size());
            const auto steps = std::span<const nn::variance_step>(variances_).subspan(first, count);
            return nn::scale(nn::variance_loss(predicted, target, steps),
                             static_cast<scalar>(options_.variance_weight * T));
        } else {
            detail::reject("diffusion::denoising", "a learned variance needs a discrete schedule");
        }
    }

    /// The steps from t to t - 1 that the items are at. In the last one, to clean data, the smaller
    /// variance is that of the step before, as in Nichol and Dhariwal's code.
    void find_variances() {
        const auto& schedule = objective_.schedule;
        variances_.resize(drawn_.times.size());
        for (std::size_t i = 0; i < variances_.size(); ++i) {
            const double t = drawn_.times[i];
            const noise_level at = drawn_.levels[i];
            const auto step = learned_range(at, t > 0 ? schedule(t - 1) : clean_data);
            // from x_t = alpha x_0 + sigma eps and target = data x_0 + noise eps follows
            // x_0 = (sigma target - noise x_t) / (sigma data - alpha noise)
            const target_weights w = weights_of(options_.kind, at);
            const double x_0 = at.sigma / (at.sigma * w.data - at.alpha * w.noise);
            variances_[i] = {.log_small = step.log_variance_small,
                             .log_large = step.log_variance_large,
                             .true_log = step.log_variance_small,
                             .mean_error = step.mean.b[0] * x_0};
            if (t == 0)
                variances_[i].log_small = schedule.size() > 1
                                              ? learned_range(schedule(1), at).log_variance_small
                                              : step.log_variance_large;
        }
    }

    Net* net_;
    denoising_options options_;
    objective objective_;
    typename objective::template batch<std::vector<scalar>> drawn_;
    std::vector<std::size_t> labels_;
    nn::condition_values<scalar> given_;  // with zeros for what was dropped
    std::vector<double> luck_;
    std::vector<nn::variance_step> variances_;
};

}  // namespace diffusion
