#pragma once

#include <cmath>
#include <cstddef>
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

/// What a learned variance costs (Nichol and Dhariwal 2021, section 3.1): the mean over elements of
///
///     KL(q(x_s | x_t, x_0) || p(x_s | x_t)) = (w - log q + (q + d^2) e^{-w} - 1) / 2,
///     w = (1 + v)/2 log_large + (1 - v)/2 log_small,   d = mean_error (prediction - target)
///
/// in nats, with q the posterior's variance. In the step to clean data, where q = 0, it is
/// (w + d^2 e^{-w}) / 2, which is -log p(x_0 | x_t) but for a constant. Least at
/// w = log(q + d^2).
///
/// `both` {items, height, width, 2 channels}: at each position the prediction, then v. The gradient
/// goes to v alone: the mean is left to the other loss. `target`: as many elements as the
/// prediction; `steps`: one for each item; both viewed, they must stay in place until `backward`.
template <class T>
var<T> variance_loss(const var<T>& both, std::span<const T> target,
                     std::span<const variance_step> steps) {
    const nn::shape s = both.shape();
    constexpr const char* function = "diffusion::nn::variance_loss";
    diffusion::detail::require_shape(s.channels % 2 == 0, function,
                                     "there must be two channels for each of the prediction", s);
    diffusion::detail::require(2 * target.size() == s.size(), function,
                               "the target must have as many elements as the prediction",
                               target.size());
    diffusion::detail::require(steps.size() == s.items, function,
                               "there must be a step for each item", steps.size());
    // calls f(place of v, log variance, (q + d^2) / variance, step) for each element
    const auto each = [s, target, steps](const T* values, auto&& f) {
        const std::size_t half = s.channels / 2;
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const variance_step& step = steps[p / s.pixels()];
            for (std::size_t c = 0; c < half; ++c) {
                const std::size_t at = p * s.channels + c;
                const double v = static_cast<double>(values[at + half]);
                const double d = step.mean_error * (static_cast<double>(values[at]) -
                                                    static_cast<double>(target[p * half + c]));
                const double w = 0.5 * ((1 + v) * step.log_large + (1 - v) * step.log_small);
                f(at + half, w, std::exp(step.true_log - w) + d * d * std::exp(-w), step);
            }
        }
    };
    const double count = static_cast<double>(target.size());
    double sum = 0;
    each(both.data(), [&](std::size_t, double w, double ratio, const variance_step& step) {
        sum += 0.5 * (w + ratio);
        if (!std::isinf(step.true_log)) sum -= 0.5 * (step.true_log + 1);
    });
    nn::tape<T>& tape = both.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, both);
    *y.fill() = static_cast<T>(sum / count);
    tape.record(y, [both, each, count, dboth = adjoint_slot<T>(both)](const adjoint_slot<T>& dy) {
        T* to = dboth.write_zeroed();
        const double factor = static_cast<double>(*dy.read()) / count;
        each(both.data(), [&](std::size_t v, double, double ratio, const variance_step& step) {
            const double slope = 0.25 * (step.log_large - step.log_small) * (1 - ratio);
            to[v] += static_cast<T>(factor * slope);
        });
    });
    return y;
}

}  // namespace diffusion::nn
