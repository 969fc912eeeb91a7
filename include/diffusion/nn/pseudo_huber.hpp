#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <span>

namespace diffusion::nn {

/// The pseudo-Huber loss of whole items (Charbonnier et al. 1997; for consistency models Song and
/// Dhariwal 2024, section 3.3, with c = 0.00054 sqrt(elements of an item)):
///
///     L = (1 / N) sum over n of  w_n (sqrt(|prediction_n - target_n|^2 + c^2) - c)
///
/// |.| is the Euclidean norm of an item. Like the squared norm for errors much smaller than c, like
/// the norm for larger ones. Weights, target and their lifetimes as for `mse_loss`.
template <class T>
var<T> pseudo_huber_loss(const var<T>& prediction, std::span<const T> target, double c,
                         std::span<const double> weights = {}) {
    constexpr const char* function = "diffusion::nn::pseudo_huber_loss";
    const std::size_t n = prediction.size(), items = prediction.shape().items, each = n / items;
    diffusion::detail::require(target.size() == n, function,
                               "the target must have as many elements as the prediction",
                               target.size());
    diffusion::detail::require(weights.empty() || weights.size() == items, function,
                               "there must be one weight for each item", weights.size());
    diffusion::detail::require(c > 0 && std::isfinite(c), function, "c must be finite and positive",
                               c);
    const auto squared_norm = [target, each](const T* p, std::size_t item) {
        double squares = 0;
        for (std::size_t e = item * each; e < (item + 1) * each; ++e) {
            const double d = static_cast<double>(p[e]) - static_cast<double>(target[e]);
            squares += d * d;
        }
        return squares;
    };
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        const double squares = squared_norm(prediction.data(), i);
        // sqrt(s + c^2) - c = s/(sqrt(s + c^2) + c), which has its digits for small s too
        sum += (weights.empty() ? 1 : weights[i]) * squares / (std::sqrt(squares + c * c) + c);
    }
    nn::tape<T>& tape = prediction.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, prediction);
    *y.fill() = static_cast<T>(sum / static_cast<double>(items));
    tape.record(y, [prediction, target, weights, squared_norm, items, each, c,
                    dp = adjoint_slot<T>(prediction)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dp.write();
        const double factor = static_cast<double>(*dy.read()) / static_cast<double>(items);
        for (std::size_t i = 0; i < items; ++i) {
            const T w = static_cast<T>(factor * (weights.empty() ? 1 : weights[i]) /
                                       std::sqrt(squared_norm(prediction.data(), i) + c * c));
            for (std::size_t e = i * each; e < (i + 1) * each; ++e)
                out[e] = (first ? T(0) : out[e]) + w * (prediction.data()[e] - target[e]);
        }
    });
    return y;
}

}  // namespace diffusion::nn
