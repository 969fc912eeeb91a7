#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/vector_math.hpp>
#include <diffusion/nn/vector_sqrt.hpp>
#include <span>

namespace diffusion::nn {

/// The constants of Adam.
struct adam_options {
    double beta1 = 0.9;       ///< memory of the mean
    double beta2 = 0.999;     ///< memory of the square
    double epsilon = 1e-8;    ///< added to the root
    double weight_decay = 0;  ///< decoupled: AdamW
};

/// Adam (Kingma and Ba 2015, algorithm 1), with m the running mean of the gradient g, v that of
/// g^2:
///
///     m = beta1 m + (1 - beta1) g              v = beta2 v + (1 - beta2) g^2
///     mhat = m / (1 - beta1^n)                 vhat = v / (1 - beta2^n)
///     theta = theta - rate mhat / (sqrt(vhat) + epsilon)
///
/// and with a weight decay, before that, theta = (1 - rate decay) theta (Loshchilov and Hutter
/// 2019, algorithm 2, as in PyTorch, where the decay is multiplied by the rate). Frozen parameters
/// stay.
template <class T>
class adam {
public:
    explicit adam(parameters<T>& model, const adam_options& options = {})
        : model_(&model),
          options_(options),
          first_(model.values().size(), T(0)),
          second_(model.values().size(), T(0)) {
        const auto fraction = [](double b) { return b >= 0 && b < 1; };
        diffusion::detail::require(fraction(options.beta1), "diffusion::nn::adam",
                                   "beta1 must be in [0, 1)", options.beta1);
        diffusion::detail::require(fraction(options.beta2), "diffusion::nn::adam",
                                   "beta2 must be in [0, 1)", options.beta2);
        diffusion::detail::require(options.epsilon > 0, "diffusion::nn::adam",
                                   "epsilon must be positive", options.epsilon);
    }

    /// One update with the model's gradient at this learning rate.
    void step(double rate) {
        using V = detail::vec<T>;
        ++steps_;
        const double n = static_cast<double>(steps_);
        const double mean_bias = 1 - std::pow(options_.beta1, n);
        const double square_bias = 1 - std::pow(options_.beta2, n);
        const T beta1 = static_cast<T>(options_.beta1), rest1 = static_cast<T>(1 - options_.beta1);
        const T beta2 = static_cast<T>(options_.beta2), rest2 = static_cast<T>(1 - options_.beta2);
        const T size = static_cast<T>(rate / mean_bias);
        const T root = static_cast<T>(std::sqrt(square_bias));
        const T epsilon = static_cast<T>(options_.epsilon);
        const T keep = static_cast<T>(1 - rate * options_.weight_decay);
        const bool decays = options_.weight_decay != 0;
        const std::span<T> values = model_->change_values();
        const std::span<const T> gradients = model_->gradient();
        for (const parameter_info& p : model_->list()) {
            const auto [first, count] = p.learned();
            const T* g = gradients.data() + first;
            T *m = first_.data() + first, *v = second_.data() + first;
            T* theta = values.data() + first;
            const auto mean = [&](V before, V now) { return beta1 * before + rest1 * now; };
            const auto square = [&](V before, V now) {
                return beta2 * before + rest2 * (now * now);
            };
            const auto update = [&](V before, V mean_now, V square_now) {
                if (decays) before *= keep;
                return before - size * mean_now / (detail::sqrt<T>(square_now) / root + epsilon);
            };
            detail::transform<T>(count, m, mean, m, g);
            detail::transform<T>(count, v, square, v, g);
            detail::transform<T>(count, theta, update, theta, m, v);
        }
    }

    const adam_options& options() const { return options_; }

    /// Everything that changes from step to step; save it and give it back to go on as if nothing
    /// had happened.
    std::uint64_t steps() const { return steps_; }
    std::span<const T> first_moment() const { return first_; }
    std::span<const T> second_moment() const { return second_; }
    void restore(std::uint64_t steps, std::span<const T> first, std::span<const T> second) {
        diffusion::detail::require(first.size() == first_.size(), "diffusion::nn::adam::restore",
                                   "the moments must have as many elements as the model",
                                   first.size());
        diffusion::detail::require(second.size() == second_.size(), "diffusion::nn::adam::restore",
                                   "the moments must have as many elements as the model",
                                   second.size());
        steps_ = steps;
        std::copy(first.begin(), first.end(), first_.begin());
        std::copy(second.begin(), second.end(), second_.begin());
    }

private:
    parameters<T>* model_;
    adam_options options_;
    aligned_vector<T> first_, second_;
    std::uint64_t steps_ = 0;
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): `adam` with PyTorch's default
/// decay.
template <class T>
class adamw : public adam<T> {
public:
    explicit adamw(parameters<T>& model, const adam_options& options = {.weight_decay = 0.01})
        : adam<T>(model, options) {}
};

/// The Euclidean norm of the whole gradient, frozen parameters excepted.
template <class T>
double gradient_norm(const parameters<T>& model) {
    double sum = 0;
    for (const parameter_info& p : model.list()) {
        const auto [first, count] = p.learned();
        constexpr std::size_t piece = 1024;  // summed in T, the pieces in double
        for (std::size_t i = 0; i < count; i += piece)
            sum += static_cast<double>(detail::sum_over<T>(
                std::min(piece, count - i), [](auto g) { return g * g; },
                model.gradient().data() + first + i));
    }
    return std::sqrt(sum);
}

/// Shortens the gradient to the norm `most` if it is longer (Pascanu et al. 2013, algorithm 1);
/// returns the norm that it had.
template <class T>
double clip_gradient(parameters<T>& model, double most) {
    diffusion::detail::require(most > 0, "diffusion::nn::clip_gradient",
                               "the largest norm must be positive", most);
    const double norm = gradient_norm(model);
    if (norm > most) {
        const T factor = static_cast<T>(most / norm);
        for (T& g : model.gradient()) g *= factor;
    }
    return norm;
}

}  // namespace diffusion::nn
