#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace diffusion {

/// An observer that calls another one after every n-th step: progress, the loss of other data, a
/// grid of samples.
///
///     training.run(3000, every(500, [&](auto& t, const step_report& report) {
///         const average_in_use average(t.average());
///         draw_a_page(net, report.step);
///     }));
template <class Observer>
struct every_steps {
    std::uint64_t n;
    Observer observer;

    template <class Trainer>
    bool operator()(Trainer& trainer, const step_report& report) {
        if (report.step % n != 0) return true;
        return detail::notify(observer, trainer, report);
    }
};

/// The observer above; throws std::invalid_argument if n is 0.
template <class Observer>
every_steps<Observer> every(std::uint64_t n, Observer observer) {
    detail::require(n > 0, "diffusion::every", "the number of steps must be positive", n);
    return {n, std::move(observer)};
}

/// While it lives the model has the averaged parameters, with which pictures are drawn; then it has
/// its own again, to the bit. No step may be made meanwhile.
template <class T>
class average_in_use {
public:
    explicit average_in_use(nn::ema<T>& average) : average_(&average) { average.swap(); }
    average_in_use(const average_in_use&) = delete;
    average_in_use& operator=(const average_in_use&) = delete;
    ~average_in_use() { average_->swap(); }

private:
    nn::ema<T>* average_;
};

/// The loss on data that are not trained on, with the averaged parameters. Times and noise are the
/// same each time, so that two values differ by the model only.
///
///     validation held_out(others, 64, 8);
///     training.run(3000, every(500, [&](auto& t, const step_report&) { note(held_out(t)); }));
template <data_source Data>
class validation {
public:
    /// `batches` of `items` each, drawn with this seed. Throws std::invalid_argument if one is 0.
    validation(Data& data, std::size_t items, std::size_t batches, std::uint64_t seed = 0)
        : data_(&data), batches_(batches), seed_(seed), batch_(data.init(items)), losses_(items) {
        constexpr const char* function = "diffusion::validation";
        detail::require(items > 0, function, "a batch must have at least one item", items);
        detail::require(batches > 0, function, "there must be at least one batch", batches);
    }

    /// The mean loss; the same bits for any number of threads. A model with a gradient of its own
    /// needs `model.loss_of(batch)` for this.
    template <class Trainer>
    double operator()(Trainer& trainer) {
        const average_in_use average(trainer.average());
        double sum = 0;
        for (std::size_t k = 0; k < batches_; ++k) {
            const batch_draw draw{seed_, k};
            data_->fill(batch_, draw);
            detail::prepare(trainer.model(), batch_, draw);
            sum += loss(trainer.model(), trainer.lanes());
        }
        return sum / static_cast<double>(batches_);
    }

private:
    template <class Model, class T>
    double loss(Model& model, nn::lanes<T>& lanes) {
        if constexpr (trainable_on_tape<Model, batch_of<Data>>) {
            model.parameters().prepare(false);
            std::fill(losses_.begin(), losses_.end(), 0.0);
            lanes.evaluate(losses_.size(), [&](auto& tape, std::size_t first, std::size_t count) {
                losses_[first] = static_cast<double>(count) *
                                 static_cast<double>(model.loss(tape, batch_, first, count).item());
            });
            double sum = 0;  // in the order of the items, whoever computed them
            for (const double part : losses_) sum += part;
            return sum / static_cast<double>(losses_.size());
        } else {
            return static_cast<double>(model.loss_of(batch_));
        }
    }

    Data* data_;
    std::size_t batches_;
    std::uint64_t seed_;
    batch_of<Data> batch_;
    std::vector<double> losses_;
};

}  // namespace diffusion
