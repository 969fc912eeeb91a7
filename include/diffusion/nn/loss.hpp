#pragma once

#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// Mean squared error, mean over all elements, optionally weighted for each item:
///
///     L = (1 / N) sum over n of w_n  mean over elements of (prediction_n - target_n)^2
///
/// The sum is taken in double. `target` and `weights` are viewed and must stay in place until
/// `backward`.
template <class T>
var<T> mse_loss(const var<T>& prediction, std::span<const T> target,
                std::span<const double> weights = {}) {
    const std::size_t n = prediction.size(), items = prediction.shape().items;
    diffusion::detail::require(target.size() == n, "diffusion::nn::mse_loss",
                               "the target must have as many elements as the prediction",
                               target.size());
    diffusion::detail::require(weights.empty() || weights.size() == items,
                               "diffusion::nn::mse_loss", "there must be one weight for each item",
                               weights.size());
    const std::size_t per_item = n / items;
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        double squares = 0;
        for (std::size_t j = i * per_item; j < (i + 1) * per_item; ++j) {
            const double d =
                static_cast<double>(prediction.data()[j]) - static_cast<double>(target[j]);
            squares += d * d;
        }
        sum += weights.empty() ? squares : weights[i] * squares;
    }
    nn::tape<T>& tape = prediction.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, prediction);
    *y.fill() = static_cast<T>(sum / static_cast<double>(n));
    tape.record(y, [prediction, target, weights, items, per_item,
                    dp = adjoint_slot<T>(prediction)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dp.write();
        const double factor =
            2 * static_cast<double>(*dy.read()) / static_cast<double>(prediction.size());
        for (std::size_t i = 0; i < items; ++i) {
            const T w = static_cast<T>(weights.empty() ? factor : factor * weights[i]);
            for (std::size_t j = i * per_item; j < (i + 1) * per_item; ++j)
                out[j] = (first ? T(0) : out[j]) + w * (prediction.data()[j] - target[j]);
        }
    });
    return y;
}

}  // namespace diffusion::nn
