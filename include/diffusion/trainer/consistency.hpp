#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/pseudo_huber.hpp>
#include <diffusion/objective/consistency.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/ask_items.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace diffusion {

/// How far two answers are apart: by the mean square of the elements, or by the pseudo-Huber norm.
enum class consistency_metric { squared, pseudo_huber };

/// The choices of a consistency training other than its plan; the defaults are those of Song and
/// Dhariwal (2024) but for the time that the network is told.
struct consistency_options {
    consistency_scaling scaling{};  ///< its sigma_min is the lowest level
    consistency_levels levels{};
    consistency_metric metric = consistency_metric::pseudo_huber;
    double c = 0;  ///< of the pseudo-Huber norm; 0: 0.00054 sqrt(elements of an item)
    ode_method method = ode_method::heun;  ///< of the teacher's step, in distillation
};

/// The teacher that is not there: consistency training.
struct no_teacher {};

/// A network and the loss that makes it a consistency model, f(x, sigma) = skip x + out F(in x,
/// time), which takes any point of a path to its end in one call: a `trainable` of batches of
/// items. Song et al. (2023), algorithm 3, from data alone,
///
///     L = 1/n sum_i weight_i d(f(x_0 + sigma_{n+1} z), f^-(x_0 + sigma_n z)),
///
/// and with a teacher algorithm 2, distillation: the second point is a step of the teacher's ODE
/// from the first. f^- takes no gradient. Its parameters are the network's own where plan.decay is
/// 0 (Song and Dhariwal 2024), otherwise an average in a second network:
///
///     consistency model(net, average, consistency_curriculum{.total = K});
///     training.run(K, [&](const step_report& report) { model.follow(report); });
///
/// `teacher(x, levels, x_0)` is a denoiser with a level for each item, such as `item_denoiser`.
/// Levels and noise of batch `draw` are a function of `draw` alone; draw.index is the k of the
/// plan. Afterwards the network is `preconditioned{F, scaling, scratch}`, sampled with
/// `consistency_sampling`. Refers to the networks.
template <class Net, curriculum Plan, class Choice = uniform_levels, class Teacher = no_teacher>
class consistency {
public:
    using scalar = parameter_scalar_t<Net>;

    /// The targets are the network's own.
    explicit consistency(Net& net, Plan plan, Choice choice = {},
                         const consistency_options& options = {}, Teacher teacher = {})
        : consistency(net, net, std::move(plan), std::move(choice), options, std::move(teacher)) {}

    /// The targets are those of `average`, a network like `net`, which first gets its values.
    explicit consistency(Net& net, Net& average, Plan plan, Choice choice = {},
                         const consistency_options& options = {}, Teacher teacher = {})
        : net_(&net),
          target_(&average),
          options_(options),
          objective_(std::move(plan), std::move(choice), options.levels),
          teacher_(std::move(teacher)) {
        constexpr const char* function = "diffusion::consistency";
        const double decay = objective_.plan.decay(0);
        detail::require(decay == 0 || net_ != target_, function,
                        "an average needs a network of its own; the decay", decay);
        detail::require(options.scaling.sigma_min == options.levels.range.lowest, function,
                        "the scaling must be the identity at the lowest level; its sigma_min",
                        options.scaling.sigma_min);
        detail::require(options.c >= 0 && std::isfinite(options.c), function,
                        "c must be finite and not negative", options.c);
        if (net_ != target_) average_of(0);
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// After each step: average = mu(k) average + (1 - mu(k)) theta.
    void follow(const step_report& report) {
        if (net_ != target_) average_of(objective_.plan.decay(report.step - 1));
    }

    /// Draws the pairs of the batch.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        detail::require_labels(batch, "diffusion::consistency");
        if (pairs_.from.size() != batch.items() || pairs_.noisier.size() != batch.values.size())
            make_memory(batch);
        objective_.seed = draw.seed;
        objective_.draw(batch.values, pairs_, draw.index);
        if constexpr (!std::same_as<Teacher, no_teacher>)
            ode_step(pairs_.noisier, std::span<const node>(pairs_.from),
                     std::span<const node>(pairs_.to), teacher_, pairs_.cleaner, scratch_,
                     options_.method);
        scale_pairs(batch.item_size());
        if (net_ != target_) target_->parameters().prepare(false);
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size(), from = first * size;
        const auto ask = [&](Net& net, const std::vector<scalar>& x, const auto& times) {
            return detail::ask_items(net, tape, batch, x, times, first, count);
        };
        const auto goal = std::span(goal_).subspan(from, count * size);
        {  // out F against f^- - skip x, instead of f against f^-
            const nn::without_recording off(tape);
            const nn::var<scalar> y = ask(*target_, pairs_.cleaner, target_times_);
            for (std::size_t e = 0; e < goal.size(); ++e)
                goal[e] = rest_[from + e] +
                          static_cast<scalar>(target_out_[first + e / size]) * y.data()[e];
        }
        const nn::var<scalar> y = ask(*net_, pairs_.noisier, times_);
        const nn::var<scalar> scaled =
            nn::multiply(y, tape.constant(y.shape(), factor_.data() + from));
        const std::span<const double> weights =
            std::span<const double>(pairs_.weights).subspan(first, count);
        if (options_.metric == consistency_metric::squared)
            return nn::mse_loss(scaled, std::span<const scalar>(goal), weights);
        const double c =
            options_.c > 0 ? options_.c : 0.00054 * std::sqrt(static_cast<double>(size));
        return nn::pseudo_huber_loss(scaled, std::span<const scalar>(goal), c, weights);
    }

private:
    using objective = consistency_objective<Plan, Choice>;

    void make_memory(const item_batch<scalar>& batch) {
        pairs_ = objective_.init(batch.values, batch.items());
        rest_ = goal_ = factor_ = scratch_[0] = scratch_[1] = batch.values;
        times_ = target_out_ = target_times_ = std::vector<double>(batch.items());
    }

    /// The states become what F sees; the rest is what the scalings let pass by it.
    void scale_pairs(std::size_t size) {
        for (std::size_t i = 0; i < times_.size(); ++i) {
            const precondition_weights w = options_.scaling(pairs_.from[i]);
            const precondition_weights of_target = options_.scaling(pairs_.to[i]);
            times_[i] = w.time;
            target_times_[i] = of_target.time;
            target_out_[i] = of_target.out;
            for (std::size_t e = i * size; e < (i + 1) * size; ++e) {
                scalar &x = pairs_.noisier[e], &y = pairs_.cleaner[e];
                rest_[e] =
                    static_cast<scalar>(of_target.skip) * y - static_cast<scalar>(w.skip) * x;
                factor_[e] = static_cast<scalar>(w.out);
                x *= static_cast<scalar>(w.in);
                y *= static_cast<scalar>(of_target.in);
            }
        }
    }

    void average_of(double mu) {
        const std::span<scalar> average = target_->parameters().change_values();
        const std::span<const scalar> theta = std::as_const(net_->parameters()).values();
        detail::require(average.size() == theta.size(), "diffusion::consistency",
                        "the average must be a network like the trained one; it has parameters",
                        average.size());
        const scalar keep = static_cast<scalar>(mu);
        for (std::size_t i = 0; i < theta.size(); ++i)
            average[i] = keep * average[i] + (1 - keep) * theta[i];
    }

    Net *net_, *target_;
    consistency_options options_;
    objective objective_;
    Teacher teacher_;
    typename objective::template batch<std::vector<scalar>> pairs_;
    std::vector<scalar> rest_, goal_, factor_;
    std::array<std::vector<scalar>, 2> scratch_;
    std::vector<double> times_, target_out_, target_times_;
};

}  // namespace diffusion
