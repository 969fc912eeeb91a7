#pragma once

#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include <diffusion/nn/parallel.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace examples {

/// How long and how hard to train: for `seconds`, or a number of steps if that is given.
struct timed_plan {
    double seconds = 20;
    std::size_t steps = 0;  ///< not 0: so many, whatever the clock says
    std::size_t batch = 256;
    double rate = 2e-3;        ///< the highest learning rate; it ends at 0, by half a cosine
    std::size_t warmup = 100;  ///< steps over which it rises
    double ema = 0.999;
    std::uint64_t seed = 1;
};

/// Trains any model (Adam, gradients clipped at norm 1, EMA) and leaves the averaged weights in it.
/// `stop()` is asked after each step. Returns the steps made.
template <class Model, class Data, class Stop>
std::size_t train_for(const char* task, Model& model, Data& data,
                      diffusion::nn::lanes<float>& lanes, const timed_plan& plan, Stop&& stop) {
    const stopwatch watch;
    double part = 0;  // of the training that is done
    const auto rate = [&](std::size_t step) {
        const double rise = std::min(1.0, double(step + 1) / double(plan.warmup));
        return plan.rate * rise * 0.5 * (1 + std::cos(std::numbers::pi * part));
    };
    diffusion::trainer training(
        model, data, lanes, rate,
        {.batch = plan.batch, .average = {.decay = plan.ema}, .seed = plan.seed});
    progress bar(task);
    double loss = 0;
    const auto note = [&] {
        char text[96];
        std::snprintf(
            text, sizeof text, "step %zu, %.0f items/s, loss %.4f", std::size_t(training.steps()),
            double(training.steps() * plan.batch) / std::max(watch.seconds(), 1e-9), loss);
        return std::string(text);
    };
    if (!stop()) {
        training.run(
            std::numeric_limits<std::uint64_t>::max(), [&](const diffusion::step_report& report) {
                loss += (report.step == 1 ? 1 : 0.02) * (report.loss - loss);
                part = std::min(1.0, plan.steps > 0 ? double(report.step) / double(plan.steps)
                                                    : watch.seconds() / plan.seconds);
                bar.show(part, note());
                return part < 1 && !stop();
            });
        training.average().swap();
    }
    bar.finish(part, note());
    return std::size_t(training.steps());
}

}  // namespace examples
