#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// What the loss of a learned mean and variance has to know of an item's step from t to s.
struct mean_variance_step {
    double error = 1;  ///< error of the step's mean, in deviations of the posterior, where that of
                       ///< the prediction is 1
    double spread =
        1;  ///< variance that is added to the posterior's, as a multiple of it, at v = 0
};

/// What a step costs whose mean and variance are both learned (Sohl-Dickstein et al. 2015, eq. 14,
/// one of its divergences): the mean over elements of
///
///     KL(q(x_s | x_t, x_0) || p(x_s | x_t)) = (log w + (1 + d^2) / w - 1) / 2,
///     w = 1 + spread e^v,   d = error (prediction - target)
///
/// in nats. w is the variance of p as a multiple of the posterior's: a step can only be less sure
/// than one that knows x_0. Least, for the mean, at the mean of all targets that belong to the same
/// x_t, and then, for the variance, at w = 1 + d^2 on average.
///
/// `both` {items, height, width, 2 channels}: at each position the prediction, then v. `target`: as
/// many elements as the prediction; `steps`: one for each item; both viewed, they must stay in
/// place until `backward`. (`variance_loss` leaves the mean to another loss, and keeps the variance
/// between two bounds.)
template <class T>
var<T> mean_variance_loss(const var<T>& both, std::span<const T> target,
                          std::span<const mean_variance_step> steps) {
    const nn::shape s = both.shape();
    constexpr const char* function = "diffusion::nn::mean_variance_loss";
    diffusion::detail::require_shape(s.channels % 2 == 0, function,
                                     "there must be two channels for each of the prediction", s);
    diffusion::detail::require(2 * target.size() == s.size(), function,
                               "the target must have as many elements as the prediction",
                               target.size());
    diffusion::detail::require(steps.size() == s.items, function,
                               "there must be a step for each item", steps.size());
    // calls f(place of the prediction, place of v, error, d, log(w - 1)) for each element
    const auto each = [s, target, steps](const T* values, auto&& f) {
        const std::size_t half = s.channels / 2;
        for (std::size_t p = 0; p < s.rows(); ++p) {
            const mean_variance_step& step = steps[p / s.pixels()];
            const double start = std::log(step.spread);
            for (std::size_t c = 0; c < half; ++c) {
                const std::size_t at = p * s.channels + c;
                const double d = step.error * (static_cast<double>(values[at]) -
                                               static_cast<double>(target[p * half + c]));
                f(at, at + half, step.error, d, start + static_cast<double>(values[at + half]));
            }
        }
    };
    // w and 1/w as functions of u = log(w - 1): finite however large v becomes in training
    const auto log_w = [](double u) {
        return std::max(u, 0.0) + std::log1p(std::exp(-std::abs(u)));
    };
    const auto inverse_w = [](double u) { return 1 / (1 + std::exp(u)); };
    const double count = static_cast<double>(target.size());
    double sum = 0;
    each(both.data(), [&](std::size_t, std::size_t, double, double d, double u) {
        sum += 0.5 * (log_w(u) + d * d * inverse_w(u) - inverse_w(-u));
    });
    nn::tape<T>& tape = both.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, both);
    *y.fill() = static_cast<T>(sum / count);
    tape.record(y, [both, each, inverse_w, count,
                    dboth = adjoint_slot<T>(both)](const adjoint_slot<T>& dy) {
        T* to = dboth.write_zeroed();
        const double factor = static_cast<double>(*dy.read()) / count;
        each(both.data(), [&](std::size_t m, std::size_t v, double error, double d, double u) {
            const double part = inverse_w(u), added = inverse_w(-u);  // 1/w and (w - 1)/w
            to[m] += static_cast<T>(factor * error * d * part);
            to[v] += static_cast<T>(factor * 0.5 * added * (added - d * d * part));
        });
    });
    return y;
}

}  // namespace diffusion::nn
