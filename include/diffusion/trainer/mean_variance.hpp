#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/mean_variance_loss.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/objective/times.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/trainer/ask_items.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// A network whose mean and variance are both trained on the lower bound K itself (Sohl-Dickstein
/// et al. 2015, section 2.3): a `trainable` of batches of items. `net(x_t, times, labels)` gives a
/// `var` with twice the channels of x_t: a prediction of the given kind, and v. With a, b, c of the
/// posterior (`posterior(t, s)`) and x_0-hat made of the prediction, the reverse kernel is
///
///     p(x_s | x_t) = N(a x_t + b x_0-hat, c^2 + b^2 V),   V = e^v sigma_t^2 / (alpha_t^2 +
///     sigma_t^2),
///
/// element by element: V is the variance of x_0 where x_t is known, which does not depend on how
/// long the step is, and v = 0 is right if the data is N(0, I). The loss is the part of -K that a
/// network can change, in nats per item: of the grid's n steps one is drawn for each item, and
///
///     L = n sum over elements of KL(q(x_s | x_t, x_0) || p(x_s | x_t)).
///
/// The grid's last node is x_1 of the paper, not clean data: there the divergence would be
/// infinite. Which step, and which noise, is a function of the batch's draw alone; the steps of a
/// batch are stratified. Refers to the network.
template <class Net>
class mean_variance_training {
public:
    using scalar = parameter_scalar_t<Net>;

    /// Throws std::invalid_argument for a grid that does not run from noise towards data, or that
    /// ends in clean data.
    mean_variance_training(Net& net, time_grid grid, target kind = target::data)
        : net_(&net), grid_(std::move(grid)), kind_(kind) {
        constexpr const char* function = "diffusion::mean_variance_training";
        detail::require_denoising(grid_, function);
        detail::require(grid_.back().sigma > 0, function,
                        "the last node must not be clean data; sigma must be positive",
                        grid_.back().sigma);
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws a step and noise for each item of the batch.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        detail::require_labels(batch, "diffusion::mean_variance_training");
        const std::size_t n = batch.items();
        x_t_.resize(batch.values.size());
        target_.resize(batch.values.size());
        times_.resize(n);
        levels_.resize(n);
        steps_.resize(n);
        detail::draw_shares(times_, time_sampling::stratified, draw.seed, draw.index);
        fill_normal<scalar>(target_, draw.seed, detail::training_draw(draw.index, 0));
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t k = detail::part_of(times_[i], grid_.size() - 1);
            const node& t = grid_[k];
            times_[i] = t.t;
            levels_[i] = t;
            steps_[i] = step_between(t, grid_[k + 1], kind_);
        }
        const std::span<const noise_level> levels(levels_);
        q_sample(x_t_, batch.values, levels, target_);
        training_target(target_, kind_, batch.values, levels, target_);
    }

    /// The mean over some items of their n divergences, in nats.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size();
        const auto divergence = nn::mean_variance_loss(
            detail::ask_items(*net_, tape, batch, x_t_, times_, first, count),
            std::span<const scalar>(target_).subspan(first * size, count * size),
            std::span<const nn::mean_variance_step>(steps_).subspan(first, count));
        return nn::scale(divergence, static_cast<scalar>(static_cast<double>(size) *
                                                         static_cast<double>(grid_.size() - 1)));
    }

    /// What the loss must know of a step: with 1/c^2 in the posterior's deviations, d = b/c
    /// (x_0-hat - x_0), and x_0 = (sigma target - noise x_t) / (sigma data - alpha noise).
    static nn::mean_variance_step step_between(const noise_level& t, const noise_level& s,
                                               target kind) {
        const gaussian_kernel<1> q = posterior(t, s);
        const target_weights w = weights_of(kind, t);
        const double x_0 = t.sigma / (t.sigma * w.data - t.alpha * w.noise);
        const double ratio = q.b[0] / q.c;
        return {
            .error = ratio * x_0,
            .spread = ratio * ratio * t.sigma * t.sigma / (t.alpha * t.alpha + t.sigma * t.sigma)};
    }

private:
    Net* net_;
    time_grid grid_;
    target kind_;
    std::vector<scalar> x_t_, target_;
    std::vector<double> times_;
    std::vector<noise_level> levels_;
    std::vector<nn::mean_variance_step> steps_;
};

}  // namespace diffusion
