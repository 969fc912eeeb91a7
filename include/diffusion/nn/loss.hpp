#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/tape.hpp>
#include <limits>
#include <span>
#include <utility>

/// Losses: values of one element, whose sums are taken in double.
namespace diffusion::nn::detail {

/// L = (1 / N) sum over n of w_n  mean over elements of value(prediction_n - target_n), where
/// `slope` is the derivative of `value`.
template <class T, class Value, class Slope>
var<T> mean_loss(const var<T>& prediction, std::span<const T> target,
                 std::span<const double> weights, const char* function, Value value, Slope slope) {
    const std::size_t n = prediction.size(), items = prediction.shape().items;
    diffusion::detail::require(target.size() == n, function,
                               "the target must have as many elements as the prediction",
                               target.size());
    diffusion::detail::require(weights.empty() || weights.size() == items, function,
                               "there must be one weight for each item", weights.size());
    const std::size_t per_item = n / items;
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
        double item = 0;
        for (std::size_t j = i * per_item; j < (i + 1) * per_item; ++j)
            item +=
                value(static_cast<double>(prediction.data()[j]) - static_cast<double>(target[j]));
        sum += weights.empty() ? item : weights[i] * item;
    }
    nn::tape<T>& tape = prediction.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, prediction);
    *y.fill() = static_cast<T>(sum / static_cast<double>(n));
    tape.record(y, [prediction, target, weights, items, per_item, slope,
                    dp = adjoint_slot<T>(prediction)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dp.write();
        const double factor =
            static_cast<double>(*dy.read()) / static_cast<double>(prediction.size());
        for (std::size_t i = 0; i < items; ++i) {
            const T w = static_cast<T>(weights.empty() ? factor : factor * weights[i]);
            for (std::size_t j = i * per_item; j < (i + 1) * per_item; ++j)
                out[j] = (first ? T(0) : out[j]) + w * slope(prediction.data()[j] - target[j]);
        }
    });
    return y;
}

/// log(sum of exp(s[i stride])), i < count, without overflow.
template <class T>
double log_sum_exp(const T* s, std::size_t count, std::size_t stride = 1) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        largest = std::max(largest, static_cast<double>(s[i * stride]));
    for (std::size_t i = 0; i < count; ++i)
        sum += std::exp(static_cast<double>(s[i * stride]) - largest);
    return largest + std::log(sum);
}

}  // namespace diffusion::nn::detail

namespace diffusion::nn {

/// Mean squared error, mean over all elements, optionally weighted for each item:
///
///     L = (1 / N) sum over n of w_n  mean over elements of (prediction_n - target_n)^2
///
/// `target` (as many elements as the prediction, which has any shape) and `weights` are viewed and
/// must stay in place until `backward`.
template <class T>
var<T> mse_loss(const var<T>& prediction, std::span<const T> target,
                std::span<const double> weights = {}) {
    return detail::mean_loss(
        prediction, target, weights, "diffusion::nn::mse_loss", [](double d) { return d * d; },
        [](T d) { return T(2) * d; });
}

/// Huber's loss of d = prediction - target: d^2 / 2 up to |d| = delta and delta (|d| - delta / 2)
/// beyond, so that outliers pull with a bounded force (Huber 1964). Means, weights and shapes as
/// for `mse_loss`.
template <class T>
var<T> huber_loss(const var<T>& prediction, std::span<const T> target, double delta = 1,
                  std::span<const double> weights = {}) {
    diffusion::detail::require(delta > 0, "diffusion::nn::huber_loss", "delta must be positive",
                               delta);
    const T bound = static_cast<T>(delta);
    return detail::mean_loss(
        prediction, target, weights, "diffusion::nn::huber_loss",
        [delta](double d) {
            const double size = std::abs(d);
            return size <= delta ? d * d / 2 : delta * (size - delta / 2);
        },
        [bound](T d) { return std::clamp(d, -bound, bound); });
}

/// The divergence KL(N(mean, exp(log_variance)) || N(0, I)) of diagonal Gaussians, which keeps the
/// latents of an autoencoder near the prior:
///
///     L = (1 / N) sum over items and elements of (mean^2 + exp(v) - 1 - v) / 2,   v = log_variance
///
/// the sum over the elements of an item, the mean over the N items (Kingma and Welling 2014,
/// appendix B). mean and log_variance: equal shapes.
template <class T>
var<T> kl_loss(const var<T>& mean, const var<T>& log_variance) {
    diffusion::detail::require_shapes(
        mean.shape() == log_variance.shape(), "diffusion::nn::kl_loss",
        "mean and log-variance must have the same shape", mean.shape(), log_variance.shape());
    const double items = static_cast<double>(mean.shape().items);
    double sum = 0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
        const double m = static_cast<double>(mean.data()[i]);
        const double v = static_cast<double>(log_variance.data()[i]);
        sum += (m * m + (std::expm1(v) - v)) / 2;  // expm1: small v would cancel
    }
    nn::tape<T>& tape = mean.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, mean, log_variance);
    *y.fill() = static_cast<T>(sum / items);
    tape.record(y, [mean, log_variance, items, dm = adjoint_slot<T>(mean),
                    dv = adjoint_slot<T>(log_variance)](const adjoint_slot<T>& dy) {
        const T factor = static_cast<T>(static_cast<double>(*dy.read()) / items);
        if (dm.wanted()) {
            const auto [out, first] = dm.write();
            for (std::size_t i = 0; i < mean.size(); ++i)
                out[i] = (first ? T(0) : out[i]) + factor * mean.data()[i];
        }
        if (dv.wanted()) {
            const auto [out, first] = dv.write();
            for (std::size_t i = 0; i < mean.size(); ++i)
                out[i] = (first ? T(0) : out[i]) + factor / 2 * std::expm1(log_variance.data()[i]);
        }
    });
    return y;
}

/// Cross-entropy of the classes that the channels of `logits` {items, height, width, classes} are
/// scores of, the mean over all positions:
///
///     L = mean over positions p of  log(sum over c of exp(logits[p, c])) - logits[p, labels[p]]
///
/// `labels`: one for each position of each item; viewed, they must stay in place until `backward`.
template <class T>
var<T> cross_entropy_loss(const var<T>& logits, std::span<const std::size_t> labels) {
    const std::size_t rows = logits.shape().rows(), classes = logits.shape().channels;
    diffusion::detail::require(labels.size() == rows, "diffusion::nn::cross_entropy_loss",
                               "there must be one label for each position", labels.size());
    double sum = 0;
    for (std::size_t p = 0; p < rows; ++p) {
        diffusion::detail::require(labels[p] < classes, "diffusion::nn::cross_entropy_loss",
                                   "a label must be one of the classes", labels[p]);
        const T* row = logits.data() + p * classes;
        sum += detail::log_sum_exp(row, classes) - static_cast<double>(row[labels[p]]);
    }
    nn::tape<T>& tape = logits.tape();
    const var<T> y = tape.result({1, 1, 1, 1}, logits);
    *y.fill() = static_cast<T>(sum / static_cast<double>(rows));
    tape.record(y, [logits, labels, rows, classes,
                    dlogits = adjoint_slot<T>(logits)](const adjoint_slot<T>& dy) {
        const auto [out, first] = dlogits.write();
        const double factor = static_cast<double>(*dy.read()) / static_cast<double>(rows);
        for (std::size_t p = 0; p < rows; ++p) {
            const T* row = logits.data() + p * classes;
            const double total = detail::log_sum_exp(row, classes);
            for (std::size_t c = 0; c < classes; ++c) {
                const double weight = std::exp(static_cast<double>(row[c]) - total);
                T& to = out[p * classes + c];
                to = (first ? T(0) : to) +
                     static_cast<T>(factor * (weight - (c == labels[p] ? 1 : 0)));
            }
        }
    });
    return y;
}

/// The symmetric contrastive loss of N pairs (InfoNCE: van den Oord et al. 2018, eq. 4; both ways
/// and with a learned temperature: Radford et al. 2021, figure 3):
///
///     s_ij = exp(log_scale) a_i b_j
///     L = (1 / 2N) sum over i of [log(sum_j exp(s_ij)) + log(sum_j exp(s_ji)) - 2 s_ii]
///
/// Row i of a should be near row i of b and far from the others. a, b: equal shapes, N rows
/// (positions of all items) of vectors, usually of length 1 (`normalize_length`); log_scale: one
/// element, learned or constant; 1 / temperature is its exponential. The pairs of a batch are each
/// other's counterexamples, so the loss is not a mean of losses of the batch's parts.
template <class T>
var<T> contrastive_loss(const var<T>& a, const var<T>& b, const var<T>& log_scale) {
    diffusion::detail::require_shapes(a.shape() == b.shape(), "diffusion::nn::contrastive_loss",
                                      "both sides must have the same shape", a.shape(), b.shape());
    diffusion::detail::require_shape(log_scale.size() == 1, "diffusion::nn::contrastive_loss",
                                     "the scale must be one number", log_scale.shape());
    const std::size_t n = a.shape().rows(), channels = a.shape().channels;
    const double scale = std::exp(static_cast<double>(log_scale.item()));
    nn::tape<T>& tape = a.tape();
    arena_block<T> scores(tape.memory(), n * n);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            double dot = 0;
            for (std::size_t c = 0; c < channels; ++c)
                dot += static_cast<double>(a.data()[i * channels + c]) *
                       static_cast<double>(b.data()[j * channels + c]);
            scores[i * n + j] = static_cast<T>(scale * dot);
        }
    for (std::size_t i = 0; i < n; ++i)
        sum += detail::log_sum_exp(scores.data() + i * n, n) +
               detail::log_sum_exp(scores.data() + i, n, n) -
               2 * static_cast<double>(scores[i * n + i]);
    const var<T> y = tape.result({1, 1, 1, 1}, a, b, log_scale);
    *y.fill() = static_cast<T>(sum / static_cast<double>(2 * n));
    tape.record(y, [n, channels, scale, a, b, scores = std::move(scores), da = adjoint_slot<T>(a),
                    db = adjoint_slot<T>(b),
                    dscale = adjoint_slot<T>(log_scale)](const adjoint_slot<T>& dy) {
        const double factor = static_cast<double>(*dy.read()) / static_cast<double>(2 * n);
        double* rows = a.tape().scratch().template take<double>(2 * n);
        double* columns = rows + n;
        for (std::size_t i = 0; i < n; ++i) {
            rows[i] = detail::log_sum_exp(scores.data() + i * n, n);
            columns[i] = detail::log_sum_exp(scores.data() + i, n, n);
        }
        T* a_out = da.wanted() ? da.write_zeroed() : nullptr;
        T* b_out = db.wanted() ? db.write_zeroed() : nullptr;
        double sum_scale = 0;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                const double s = static_cast<double>(scores[i * n + j]);
                const double ds =
                    factor * (std::exp(s - rows[i]) + std::exp(s - columns[j]) - (i == j ? 2 : 0));
                sum_scale += ds * s;
                const T g = static_cast<T>(scale * ds);
                for (std::size_t c = 0; a_out != nullptr && c < channels; ++c)
                    a_out[i * channels + c] += g * b.data()[j * channels + c];
                for (std::size_t c = 0; b_out != nullptr && c < channels; ++c)
                    b_out[j * channels + c] += g * a.data()[i * channels + c];
            }
        if (dscale.wanted()) *dscale.write_zeroed() += static_cast<T>(sum_scale);
    });
    return y;
}

}  // namespace diffusion::nn
