#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/parameter.hpp>
#include <span>
#include <utility>

namespace diffusion::nn {

/// How fast the average forgets.
struct ema_options {
    double decay = 0.999;
    bool warmup =
        true;  ///< decay min(decay, (1 + n)/(10 + n)) in update n: the start is soon forgotten
};

/// The exponential moving average of a model's parameters, with which pictures are drawn: it has
/// less noise than the parameters of the last step (Polyak and Juditsky 1992; Ho et al. 2020, app.
/// B).
///
///     average = d average + (1 - d) theta
///
/// It starts at the parameters' values (not at zero, which would need a correction). Frozen
/// parameters are left alone: their averages stay, and `swap` passes them by.
template <class T>
class ema {
public:
    explicit ema(parameters<T>& model, const ema_options& options = {})
        : model_(&model),
          options_(options),
          average_(std::as_const(model).values().begin(), std::as_const(model).values().end()) {
        diffusion::detail::require(options.decay >= 0 && options.decay < 1, "diffusion::nn::ema",
                                   "the decay must be in [0, 1)", options.decay);
    }

    /// The decay that the coming update will use.
    double decay() const {
        const double n = static_cast<double>(updates_);
        return options_.warmup ? std::min(options_.decay, (1 + n) / (10 + n)) : options_.decay;
    }

    /// Takes in the parameters' values, after a step of the optimiser.
    void update() {
        const T d = static_cast<T>(decay());
        const T* theta = std::as_const(*model_).values().data();
        for (const parameter_info& p : model_->list()) {
            const auto [first, count] = p.learned();
            for (std::size_t i = first; i < first + count; ++i)
                average_[i] = d * average_[i] + (T(1) - d) * theta[i];
        }
        ++updates_;
    }

    /// Exchanges the model's values and the average: swap, draw, swap back.
    void swap() {
        const std::span<T> theta = model_->change_values();
        for (const parameter_info& p : model_->list()) {
            const auto [first, count] = p.learned();
            std::swap_ranges(theta.data() + first, theta.data() + first + count,
                             average_.data() + first);
        }
    }

    /// What changes from update to update, to save and to give back.
    std::uint64_t updates() const { return updates_; }
    std::span<const T> values() const { return average_; }
    void restore(std::uint64_t updates, std::span<const T> values) {
        diffusion::detail::require(values.size() == average_.size(), "diffusion::nn::ema::restore",
                                   "the average must have as many elements as the model",
                                   values.size());
        updates_ = updates;
        std::copy(values.begin(), values.end(), average_.begin());
    }

private:
    parameters<T>* model_;
    ema_options options_;
    aligned_vector<T> average_;
    std::uint64_t updates_ = 0;
};

}  // namespace diffusion::nn
