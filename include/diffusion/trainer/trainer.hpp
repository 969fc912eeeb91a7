#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/arena.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// How a model is trained.
struct trainer_options {
    std::size_t batch = 64;      ///< items that are evaluated together
    std::size_t accumulate = 1;  ///< batches in a step; their gradients are averaged
    double clip = 1;             ///< the longest gradient; infinity: never shortened
    nn::adam_options adam{.beta1 = 0.9, .beta2 = 0.99};
    nn::ema_options average{.decay = 0.995};
    std::uint64_t seed = 0;  ///< of everything random
};

/// What happened in a step.
struct step_report {
    std::uint64_t step = 0;    ///< steps done since the training began, this one included
    std::uint64_t items = 0;   ///< items seen in all of them
    double loss = 0;           ///< mean over the step's items, before its update
    double gradient_norm = 0;  ///< before it was shortened
    double rate = 0;           ///< the learning rate
};

namespace detail {

/// Calls an observer; whether it wants to go on. One that returns nothing does.
template <class Observer, class Trainer>
bool notify(Observer& observer, Trainer& trainer, const step_report& report) {
    const auto goes_on = [](auto&& call) {
        if constexpr (std::is_void_v<decltype(call())>) {
            call();
            return true;
        } else {
            return static_cast<bool>(call());
        }
    };
    if constexpr (std::is_invocable_v<Observer&, Trainer&, const step_report&>)
        return goes_on([&] { return observer(trainer, report); });
    else return goes_on([&] { return observer(report); });
}

}  // namespace detail

/// Trains a model on data: in each step draw a batch, compute the loss and its gradient, shorten
/// the gradient, let Adam change the parameters, and take them into the moving average.
///
///     nn::unet<float> net({.classes = 10});
///     denoising model(net, discrete_schedule(cosine_beta{}), {.dropped_labels = 0.1,
///                                                             .null_label = 10});
///     in_memory<float> data({1, 28, 28, 1}, pixels, labels);
///     nn::lanes<float> lanes;
///     trainer training(model, data, lanes, nn::warmup_cosine{2e-3, 100, 3000});
///     resume(training, "digits.safetensors");                        // checkpoint.hpp
///     training.run(3000, checkpoint_to{"digits.safetensors"});       // 100 steps apart
///
/// A step is a function of the parameters, Adam's moments, the average and the number of the step,
/// and of nothing else: all randomness is drawn at addresses made of the seed and that number. Save
/// these four and the training goes on as if it had not been interrupted, to the bit; the number of
/// threads does not matter either (nn::lanes). No step but the first allocates memory.
///
/// `rate(step)` is the learning rate of step 0, 1, ... A rate that reads the clock, to be at zero
/// when the time is over, is allowed, and gives up the repeatable bits.
/// Refers to model, data and lanes; the model's parameters may not be replaced meanwhile.
template <class Model, data_source Data, class Rate>
    requires trainable<Model, batch_of<Data>> && std::invocable<Rate&, std::size_t>
class trainer {
public:
    using scalar = parameter_scalar_t<Model>;

    /// Throws std::invalid_argument for impossible options.
    trainer(Model& model, Data& data, nn::lanes<scalar>& lanes, Rate rate,
            const trainer_options& options = {})
        : model_(&model),
          data_(&data),
          lanes_(&lanes),
          rate_(std::move(rate)),
          options_(checked(options)),
          optimizer_(model.parameters(), options.adam),
          average_(model.parameters(), options.average),
          batch_(data.init(options.batch)),
          sum_(options.accumulate > 1 ? optimizer_.first_moment().size() : 0) {}

    /// One step. Throws std::runtime_error before anything is changed if loss or gradient is not
    /// finite.
    step_report step() {
        const std::uint64_t n = steps();
        nn::parameters<scalar>& parameters = model_->parameters();
        double loss = 0;
        for (std::size_t k = 0; k < options_.accumulate; ++k) {
            const batch_draw draw{options_.seed, n * options_.accumulate + k};
            data_->fill(batch_, draw);
            loss += detail::loss_and_gradient(*model_, *lanes_, batch_, draw);
            accumulate(k);
        }
        loss /= static_cast<double>(options_.accumulate);
        const double norm = nn::clip_gradient(parameters, options_.clip);
        if (!std::isfinite(loss) || !std::isfinite(norm))
            throw std::runtime_error(
                "diffusion::trainer: the loss or its gradient is not finite "
                "in step " +
                std::to_string(n));
        const double rate = static_cast<double>(rate_(static_cast<std::size_t>(n)));
        optimizer_.step(rate);
        average_.update();
        return {n + 1, (n + 1) * options_.batch * options_.accumulate, loss, norm, rate};
    }

    /// Steps until `until` have been made since the training began (those before a checkpoint
    /// count), or an observer returns false. After each step every observer is called, as
    /// observer(trainer, report) or observer(report); it may look at everything, and draw with the
    /// average (`average_in_use`). Returns the last report.
    template <class... Observers>
    step_report run(std::uint64_t until, Observers&&... observers) {
        step_report report{.step = steps()};
        for (bool on = true; on && steps() < until;) {
            report = step();
            ((on = detail::notify(observers, *this, report) && on), ...);
        }
        return report;
    }

    /// Steps made since the training began.
    std::uint64_t steps() const { return optimizer_.steps(); }

    Model& model() { return *model_; }
    Data& data() { return *data_; }
    nn::lanes<scalar>& lanes() { return *lanes_; }
    nn::parameters<scalar>& parameters() { return model_->parameters(); }
    nn::adam<scalar>& optimizer() { return optimizer_; }
    nn::ema<scalar>& average() { return average_; }
    const trainer_options& options() const { return options_; }

private:
    static const trainer_options& checked(const trainer_options& options) {
        constexpr const char* function = "diffusion::trainer";
        detail::require(options.batch > 0, function, "a batch must have at least one item",
                        options.batch);
        detail::require(options.accumulate > 0, function, "a step must have at least one batch",
                        options.accumulate);
        detail::require(options.clip > 0, function, "the longest gradient must be positive",
                        options.clip);
        return options;
    }

    /// Puts the gradient of the step's batch k to the others; after the last it is their mean.
    void accumulate(std::size_t k) {
        if (options_.accumulate == 1) return;
        const auto gradient = model_->parameters().gradient();
        const bool last = k + 1 == options_.accumulate;
        const scalar share = scalar(1) / static_cast<scalar>(options_.accumulate);
        for (std::size_t i = 0; i < sum_.size(); ++i) {
            sum_[i] = k == 0 ? gradient[i] : sum_[i] + gradient[i];
            if (last) gradient[i] = sum_[i] * share;
        }
    }

    Model* model_;
    Data* data_;
    nn::lanes<scalar>* lanes_;
    Rate rate_;
    trainer_options options_;
    nn::adam<scalar> optimizer_;
    nn::ema<scalar> average_;
    batch_of<Data> batch_;
    nn::aligned_vector<scalar> sum_;
};

}  // namespace diffusion
