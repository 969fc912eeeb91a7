#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
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
#include <diffusion/objective/loss_aware_times.hpp>
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
    double variance_weight = 0.001;  ///< of the bound's T terms, where they are in the loss
    bool only_bound = false;         ///< L_vlb, of mean and variance, in place of L_simple
    std::size_t levels = 0;  ///< of data in [-1, 1], for the bound's last term: 256 for 8 bits; 0:
                             ///< data with a density
    reverse_variance fixed_variance = reverse_variance::small;  ///< in L_vlb, if it is not learned
};

/// A network and the regression that trains it (Ho et al. 2020, algorithm 1): a `trainable` of
/// batches of items. `net(x_t, times, labels)` gives a `var` of the shape of x_t; `unet` and `mlp`
/// are such networks. If the batch has other conditions, it is `net(x_t, times, conditions)`.
///
///     L = 1/n sum_i w(t_i) mean (net(x_t, t, label)_i - target_i)^2
///
/// A network with learned variance has twice the channels of x_t and is trained on L_hybrid = L +
/// variance_weight T L_vlb, where L_vlb teaches the variance alone (Nichol and Dhariwal 2021, eq.
/// 16). With `only_bound` the loss is variance_weight T L_vlb, which teaches both, or the mean of a
/// network whose variance is fixed. L_vlb is `nn::bound_loss`, in nats per element, and needs a
/// discrete schedule; variance_weight = 1/T makes it the mean of the bound's terms, 1 their sum.
/// (The authors' code counts bits: there the same weight is 0.001/ln 2 = 0.00144 in ours.)
///
/// Times are uniform, or from another `time_distribution`; one that is `loss_aware` is told the
/// losses of each batch before the next is drawn, and weights them. (Its `state` belongs to the
/// training: `save_checkpoint` keeps it.)
///
/// Times, noise and dropped labels of batch `draw` are a function of `draw` alone; see
/// `simple_objective`. Labels are dropped with a fixed probability (Ho and Salimans 2022, alg. 1),
/// and with an item's label its tokens and its map, which become zeros. Refers to the network, and
/// owns the noised batch, whose memory is made when the first comes.
template <class Net, noise_schedule S, loss_weighting W = unweighted,
          time_distribution D = uniform_times>
class denoising {
public:
    using scalar = parameter_scalar_t<Net>;

    explicit denoising(Net& net, S schedule, const denoising_options& options = {},
                       W weighting = {}, D distribution = {})
        : net_(&net),
          options_(options),
          objective_(std::move(schedule), options.kind, std::move(weighting), options.sampling, 0,
                     std::move(distribution)) {
        constexpr const char* function = "diffusion::denoising";
        detail::require(options.dropped_labels >= 0 && options.dropped_labels <= 1, function,
                        "the share of dropped labels must be in [0, 1]", options.dropped_labels);
        detail::require(options.variance_weight >= 0 && std::isfinite(options.variance_weight),
                        function, "the weight of the bound must be finite and not negative",
                        options.variance_weight);
        detail::require(options.levels != 1, function,
                        "data on levels must have at least 2; 0 if there are none", options.levels);
        if constexpr (!discrete_noise_schedule<S>)
            detail::require(!options.only_bound, function,
                            "the bound needs a discrete schedule; only_bound", options.only_bound);
        else if constexpr (requires { objective_.distribution.size(); })
            detail::require(objective_.distribution.size() == objective_.schedule.size(), function,
                            "times that learn must be as many as the schedule's",
                            objective_.distribution.size());
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws times and noise for the batch, and which labels are dropped.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        detail::require_labels(batch, "diffusion::denoising");
        detail::require(
            batch.labels.empty() || options_.dropped_labels == 0 || options_.null_label,
            "diffusion::denoising",
            "to drop labels it must be said what one becomes: null_label; the share to be dropped",
            options_.dropped_labels);
        learn_times();  // of the batch before, which may have had another size
        if (drawn_.times.size() != batch.items() || drawn_.x_t.size() != batch.values.size())
            drawn_ = objective_.init(batch.values, batch.items());
        objective_.seed = draw.seed;
        objective_.draw(batch.values, drawn_, draw.index);
        labels_ = batch.labels;
        importance_.assign(batch.items(), 1.0);
        if constexpr (loss_aware<D>) {
            for (std::size_t i = 0; i < importance_.size(); ++i) {
                importance_[i] = objective_.distribution.weight(drawn_.times[i]);
                drawn_.weights[i] *= importance_[i];
            }
            losses_.assign(batch.items(), unknown);
        }
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
        const bool learned = predicted.shape().channels == 2 * shape.channels;
        std::span<double> losses;
        if (loss_aware<D> && tape.recording())
            losses = std::span<double>(losses_).subspan(first, count);
        if (options_.only_bound) return bound(predicted, batch, target, losses, first, learned);
        const auto prediction = learned ? nn::slice(predicted, 0, shape.channels) : predicted;
        const auto simple = nn::mse_loss(prediction, target, weights);
        if (!learned) {
            note(prediction, target, losses, first);
            return simple;
        }
        const auto hybrid = nn::add(simple, bound(predicted, batch, target, losses, first, true));
        note(prediction, target, losses, first);
        return hybrid;
    }

    /// What the time distribution has learnt, for `save_checkpoint`; empty if it does not learn.
    std::vector<double> state() {
        learn_times();
        if constexpr (loss_aware<D>) return objective_.distribution.state();
        else return {};
    }
    void restore_state(std::span<const double> state) {
        losses_.clear();
        if constexpr (loss_aware<D>) objective_.distribution.restore(state);
        else
            detail::require(state.empty(), "diffusion::denoising",
                            "the times of this training do not learn, its state must be empty",
                            state.size());
    }

private:
    using objective = simple_objective<S, W, D>;
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    void drop(std::size_t i) {
        if (!labels_.empty()) labels_[i] = *options_.null_label;
        for (nn::item_values<scalar>* kind : {&given_.tokens, &given_.map})
            if (!kind->empty()) std::ranges::fill(kind->item(i), scalar(0));
    }

    /// The bound's share of the loss of some items. Of a network with learned variance whose mean
    /// has a loss of its own, it teaches the variance alone.
    nn::var<scalar> bound(const nn::var<scalar>& predicted, const item_batch<scalar>& batch,
                          std::span<const scalar> target, std::span<double> losses,
                          std::size_t first, bool learned) const {
        if constexpr (discrete_noise_schedule<S>) {
            const double T = static_cast<double>(objective_.schedule.size());
            const std::size_t count = predicted.shape().items;
            const auto& steps = learned ? variances_ : fixed_;
            const auto loss = nn::bound_loss<scalar>(
                predicted,
                {.target = target,
                 .steps = std::span<const nn::variance_step>(steps).subspan(first, count),
                 .data = std::span<const scalar>(batch.values)
                             .subspan(first * batch.item_size(), target.size()),
                 .weights = std::span<const double>(importance_).subspan(first, count),
                 .losses = losses},
                {.of_mean = options_.only_bound, .levels = options_.levels});
            for (double& of_item : losses) of_item *= options_.variance_weight * T;
            return nn::scale(loss, static_cast<scalar>(options_.variance_weight * T));
        } else {
            detail::reject("diffusion::denoising", "a learned variance needs a discrete schedule");
        }
    }

    /// Adds L of each item, without the weight for its time, to what is known of its loss.
    void note(const nn::var<scalar>& prediction, std::span<const scalar> target,
              std::span<double> losses, std::size_t first) const {
        for (std::size_t k = 0; k < losses.size(); ++k) {
            const std::size_t n = target.size() / losses.size();
            double sum = 0;
            for (std::size_t e = k * n; e < (k + 1) * n; ++e) {
                const double d =
                    static_cast<double>(prediction.data()[e]) - static_cast<double>(target[e]);
                sum += d * d / static_cast<double>(n);
            }
            const double weight = drawn_.weights[first + k] / importance_[first + k];
            losses[k] = (std::isnan(losses[k]) ? 0 : losses[k]) + weight * sum;
        }
    }

    /// Tells the distribution the losses of the batch before, if it was trained on.
    void learn_times() {
        if constexpr (loss_aware<D>) {
            if (!losses_.empty() &&
                std::ranges::none_of(losses_, [](double loss) { return std::isnan(loss); }))
                objective_.distribution.record(drawn_.times, losses_);
            losses_.clear();
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
        fixed_ = variances_;
        for (std::size_t i = 0; i < fixed_.size(); ++i)
            if (options_.fixed_variance == reverse_variance::large && drawn_.times[i] > 0)
                fixed_[i].log_small = fixed_[i].log_large;
    }

    Net* net_;
    denoising_options options_;
    objective objective_;
    typename objective::template batch<std::vector<scalar>> drawn_;
    std::vector<std::size_t> labels_;
    nn::condition_values<scalar> given_;  // with zeros for what was dropped
    std::vector<double> luck_;
    std::vector<nn::variance_step> variances_, fixed_;
    std::vector<double> importance_;  // 1/(T p_t) of each item
    std::vector<double> losses_;      // of each item of a batch that is trained on
};

template <class Net, noise_schedule S, loss_weighting W = unweighted,
          time_distribution D = uniform_times>
denoising(Net&, S, const denoising_options& = {}, W = {}, D = {}) -> denoising<Net, S, W, D>;

}  // namespace diffusion
