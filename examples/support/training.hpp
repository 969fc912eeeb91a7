#pragma once

#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/nn/nn.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/std.hpp>

namespace examples {

/// How long and how hard to train. Training ends after `seconds` or `epochs` passes over the data,
/// whichever comes first; the learning rate knows both and reaches zero just then.
struct training_plan {
    double seconds = 90;
    double epochs = std::numeric_limits<double>::infinity();
    std::size_t batch = 64;
    double rate = 2e-3;        ///< the highest learning rate
    std::size_t warmup = 100;  ///< steps over which it rises to that
    double ema = 0.995;
    double dropped_labels = 0.1;  ///< the share trained without label, for classifier-free guidance
    diffusion::target target = diffusion::target::velocity;  ///< what the network predicts
    std::uint64_t seed = 1;
};

/// What happened.
struct training_record {
    std::vector<double> losses;  ///< of every step
    std::size_t images = 0;
    double seconds = 0;
};

/// The data: `count` items of one shape, one behind the other, each with a label (or none at all).
struct training_data {
    std::span<const float> items;
    diffusion::nn::shape item;  ///< items = 1
    std::span<const int> labels;

    std::size_t size() const { return item.pixels() * item.channels; }
    std::size_t count() const { return items.size() / size(); }
};

/// Trains a network of diffusion::nn on noised data (Ho et al. 2020, algorithm 1), and leaves the
/// averaged weights in it. The error of what it predicts counts the same at all levels; by default
/// that is the velocity, with the weighting of Salimans and Ho (2022).
///
/// Adam with (0.9, 0.99), gradients clipped at norm 1, warm-up and half a cosine, EMA. `stop()` is
/// asked before each step; the step in hand is always finished. `null_label` is what a dropped
/// label becomes. Everything but the time it takes is a function of the plan's seed.
template <class Net, class Schedule, class Stop>
training_record train(Net& net, diffusion::nn::lanes<float>& lanes, const Schedule& schedule,
                      const training_data& data, const training_plan& plan, std::size_t null_label,
                      Stop&& stop) {
    namespace nn = diffusion::nn;
    const std::size_t count = data.count(), size = data.size(), batch = plan.batch;
    if (count == 0) throw std::invalid_argument("examples::train: there is no data");

    const diffusion::simple_objective objective(schedule, plan.target, diffusion::unweighted{},
                                                diffusion::time_sampling::stratified, plan.seed);
    std::vector<float> x_0(batch * size);
    auto drawn = objective.init(x_0, batch);
    std::vector<double> luck(2 * batch);
    std::vector<std::size_t> labels(data.labels.empty() ? 0 : batch);

    nn::adam<float> optimizer(net.parameters(), {.beta1 = 0.9, .beta2 = 0.99});
    nn::ema<float> average(net.parameters(), {.decay = plan.ema});
    training_record record;
    progress bar("training");
    stopwatch watch;
    const auto done = [&] {
        return std::max(watch.seconds() / plan.seconds,
                        double(record.images) / (plan.epochs * double(count)));
    };
    const auto note = [&] {
        char text[96];
        const std::size_t last = std::min<std::size_t>(record.losses.size(), 50);
        double sum = 0;
        for (std::size_t i = record.losses.size() - last; i < record.losses.size(); ++i)
            sum += record.losses[i];
        std::snprintf(text, sizeof text, "step %zu, %.0f items/s, loss %.4f", record.losses.size(),
                      double(record.images) / std::max(watch.seconds(), 1e-9),
                      last == 0 ? 0 : sum / double(last));
        return std::string(text);
    };

    for (std::uint64_t step = 0; done() < 1 && !stop(); ++step) {
        diffusion::fill_uniform<double>(luck, plan.seed, {diffusion::noise_stream::data, step});
        for (std::size_t i = 0; i < batch; ++i) {
            const auto pick = std::min(std::size_t(luck[i] * double(count)), count - 1);
            std::copy_n(data.items.begin() + std::ptrdiff_t(pick * size), size,
                        x_0.begin() + std::ptrdiff_t(i * size));
            if (labels.empty()) continue;
            const bool dropped = luck[batch + i] < plan.dropped_labels;
            labels[i] = dropped ? null_label : std::size_t(data.labels[pick]);
        }
        objective.draw(x_0, drawn, step);

        const double loss = lanes.train(
            net.parameters(), batch, [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
                const auto x_t =
                    tape.constant({n, data.item.height, data.item.width, data.item.channels},
                                  drawn.x_t.data() + first * size);
                const std::span<const std::size_t> all(labels);
                const auto v = net(x_t, std::span<const double>(drawn.times).subspan(first, n),
                                   all.empty() ? all : all.subspan(first, n));
                return nn::mse_loss(
                    v, std::span<const float>(drawn.target).subspan(first * size, n * size),
                    std::span<const double>(drawn.weights).subspan(first, n));
            });
        nn::clip_gradient(net.parameters(), 1.0);

        // The cosine follows the time used, so that the rate is zero when the time is over.
        const double rise = std::min(1.0, double(step + 1) / double(plan.warmup));
        const double fall = 0.5 * (1 + std::cos(std::numbers::pi * std::min(done(), 1.0)));
        optimizer.step(plan.rate * rise * fall);
        average.update();
        record.losses.push_back(loss);
        record.images += batch;
        bar.show(done(), note());
    }
    record.seconds = watch.seconds();
    bar.finish(std::min(done(), 1.0), note());
    if (!record.losses.empty()) average.swap();
    return record;
}

}  // namespace examples
