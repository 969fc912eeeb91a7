#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/kernel/discretized_gaussian.hpp>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// What the loss of a learned variance has to know of an item's step.
struct variance_step {
    double log_small = 0;   ///< log beta-tilde_t
    double log_large = 0;   ///< log beta_t
    double true_log = 0;    ///< log of the posterior's variance, -inf in the step to clean data
    double mean_error = 1;  ///< error of the step's mean where that of the prediction is 1
};

/// Which bound, and what it says of the last step.
struct bound_options {
    bool of_mean = true;     ///< false: the gradient goes to v alone, the mean is another loss's
    std::size_t levels = 0;  ///< of the data, in [-1, 1]: 256 for 8 bits; 0: data with a density
};

/// What comes with the items of a batch; all viewed, and to stay in place until `backward`.
template <class T>
struct bound_batch {
    std::span<const T> target;             ///< as many elements as the prediction
    std::span<const variance_step> steps;  ///< one for each item
    std::span<const T> data{};             ///< x_0, for data on levels
    std::span<const double> weights{};     ///< one for each item, or none: all are 1
    std::span<double> losses{};  ///< is given the unweighted loss of each item, if there is room
};

/// The bound's term of each item's step (Ho et al. 2020, eq. 5; Nichol and Dhariwal 2021, section
/// 3.1), L_vlb of which one t is drawn for an item: the mean over items, weighted, and over
/// elements of
///
///     KL(q(x_s | x_t, x_0) || p(x_s | x_t)) = (w - log q + (q + d^2) e^{-w} - 1) / 2,
///     w = (1 + v)/2 log_large + (1 - v)/2 log_small,   d = mean_error (prediction - target)
///
/// in nats, with q the posterior's variance; least at w = log(q + d^2). In the step to clean data,
/// where q = 0, it is -log p(x_0 | x_t) with mean x_0 + d and variance e^w: by the discretised
/// Gaussian of Ho et al. (2020, eq. 13) for data on levels, otherwise by the density, (w + d^2
/// e^{-w} + log 2 pi) / 2.
///
/// `predicted` {items, height, width, 2 channels}: at each position the prediction, then v. A
/// network without v, of as many channels as the target has, has the fixed log variance log_small.
template <class T>
var<T> bound_loss(const var<T>& predicted, const bound_batch<T>& batch,
                  const bound_options& options = {}) {
    const nn::shape s = predicted.shape();
    constexpr const char* function = "diffusion::nn::bound_loss";
    const std::size_t count = batch.target.size();
    const bool learned = 2 * count == s.size();
    diffusion::detail::require(learned || count == s.size(), function,
                               "the target must have as many elements as the prediction, which has "
                               "half the channels or all of them",
                               count);
    diffusion::detail::require_shape(!learned || s.channels % 2 == 0, function,
                                     "there must be two channels for each of the prediction", s);
    diffusion::detail::require(batch.steps.size() == s.items, function,
                               "there must be a step for each item", batch.steps.size());
    diffusion::detail::require(options.levels == 0 || batch.data.size() == count, function,
                               "data on levels must be given, as many elements as the target",
                               batch.data.size());
    diffusion::detail::require(batch.weights.empty() || batch.weights.size() == s.items, function,
                               "there must be one weight for each item", batch.weights.size());
    diffusion::detail::require(batch.losses.empty() || batch.losses.size() == s.items, function,
                               "there must be room for one loss for each item",
                               batch.losses.size());
    // calls f(item, place of the prediction, place of v, step, d, w, x_0) for each element
    const auto each = [s, batch, learned](const T* values, auto&& f) {
        const std::size_t channels = learned ? s.channels / 2 : s.channels;
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const variance_step& step = batch.steps[p / s.pixels()];
            for (std::size_t c = 0; c < channels; ++c) {
                const std::size_t at = p * s.channels + c, e = p * channels + c;
                const double v = learned ? static_cast<double>(values[at + channels]) : -1;
                const double d = step.mean_error * (static_cast<double>(values[at]) -
                                                    static_cast<double>(batch.target[e]));
                const double w = v == -1
                                     ? step.log_small
                                     : 0.5 * ((1 + v) * step.log_large + (1 - v) * step.log_small);
                const double x_0 = batch.data.empty() ? 0 : static_cast<double>(batch.data[e]);
                f(p / s.pixels(), at, at + channels, step, d, w, x_0);
            }
        }
    };
    const discretized_gaussian decoder{options.levels};
    const std::size_t levels = options.levels;
    double sum = 0, item_sum = 0;
    std::size_t left = count / s.items;
    each(predicted.data(), [&](std::size_t item, std::size_t, std::size_t,
                               const variance_step& step, double d, double w, double x_0) {
        if (!std::isinf(step.true_log))
            item_sum +=
                0.5 * (w - step.true_log + std::exp(step.true_log - w) + d * d * std::exp(-w) - 1);
        else if (levels > 0) item_sum -= decoder(x_0, x_0 + d, std::exp(0.5 * w));
        else item_sum -= continuous_gaussian{}(0, d, std::exp(0.5 * w));
        if (--left > 0) return;
        left = count / s.items;  // the item is complete
        if (!batch.losses.empty())
            batch.losses[item] = item_sum / static_cast<double>(count / s.items);
        sum += batch.weights.empty() ? item_sum : batch.weights[item] * item_sum;
        item_sum = 0;
    });
    nn::tape<T>& tape = predicted.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, predicted);
    *y.fill() = static_cast<T>(sum / static_cast<double>(count));
    tape.record(y, [=, to_loss = options.of_mean, weights = batch.weights,
                    dp = adjoint_slot<T>(predicted)](const adjoint_slot<T>& dy) {
        T* to = dp.write_zeroed();
        const double factor = static_cast<double>(*dy.read()) / static_cast<double>(count);
        each(predicted.data(), [&](std::size_t item, std::size_t mean, std::size_t v,
                                   const variance_step& step, double d, double w, double x_0) {
            double by_d, by_w;
            if (std::isinf(step.true_log)) {
                const double std = std::exp(0.5 * w);
                const gaussian_slope slope = levels > 0 ? decoder.slope(x_0, x_0 + d, std)
                                                        : continuous_gaussian{}.slope(0, d, std);
                by_d = -slope.mean;
                by_w = -0.5 * slope.log_std;
            } else {
                by_d = d * std::exp(-w);
                by_w = 0.5 * (1 - std::exp(step.true_log - w) - d * by_d);
            }
            const double share = weights.empty() ? factor : factor * weights[item];
            if (to_loss) to[mean] += static_cast<T>(share * step.mean_error * by_d);
            if (learned)
                to[v] += static_cast<T>(share * by_w * 0.5 * (step.log_large - step.log_small));
        });
    });
    return y;
}

/// What a learned variance costs, with the mean left to another loss: the part of the bound in
/// L_hybrid, whose gradient goes to v alone (Nichol and Dhariwal 2021, eq. 16 and the remark on
/// stop-gradient below it).
template <class T>
var<T> variance_loss(const var<T>& both, std::span<const T> target,
                     std::span<const variance_step> steps) {
    return bound_loss<T>(both, {.target = target, .steps = steps}, {.of_mean = false});
}

}  // namespace diffusion::nn
