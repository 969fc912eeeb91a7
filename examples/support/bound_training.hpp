#pragma once

#include "interrupt.hpp"
#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <numbers>
#include <string>

#include <diffusion/kernel/bits.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace examples {

/// How to train on a lower bound.
struct bound_plan {
    const char* name = "";
    double seconds = 60;
    std::size_t steps = std::numeric_limits<std::size_t>::max();  ///< or until so many are done
    double constant = 0;  ///< K is this less the loss, in nats
    double rate = 8e-3;
    std::size_t batch = 512;
    std::uint64_t seed = 1;
};

/// Trains a model whose loss is -K but for a constant until time or steps are over, or somebody
/// presses Ctrl-C, and leaves the averaged weights in it: Adam, gradients clipped at norm 1, and a
/// rate that rises for a hundred steps and then falls along half a cosine. Returns the number of
/// steps.
template <class Model, class Data>
std::size_t train_on_bound(Model& model, Data& data, diffusion::nn::lanes<float>& lanes,
                           const bound_plan& plan) {
    const interrupt stop;
    const stopwatch watch;
    const auto done = [&](std::uint64_t step) {
        return std::min(
            1.0, std::max(watch.seconds() / plan.seconds, double(step) / double(plan.steps)));
    };
    const auto rate = [&](std::size_t step) {
        const double rise = std::min(1.0, double(step + 1) / 100);
        return plan.rate * rise * 0.5 * (1 + std::cos(std::numbers::pi * done(step)));
    };
    diffusion::trainer training(
        model, data, lanes, rate,
        {.batch = plan.batch, .average = {.decay = 0.999}, .seed = plan.seed});
    progress bar(plan.name);
    double mean = 0;
    char note[64] = "";
    if (!stop.requested()) {
        training.run(std::numeric_limits<std::uint64_t>::max(), [&](const auto& report) {
            const double part = std::max(0.01, 1 / double(report.step));
            mean += part * (report.loss - mean);
            std::snprintf(note, sizeof note, "step %zu, K %.3f bits", std::size_t(report.step),
                          diffusion::in_bits(plan.constant - mean));
            bar.show(done(report.step), note);
            return done(report.step) < 1 && !stop.requested();
        });
        training.average().swap();
    }
    bar.finish(done(training.steps()), note);
    return std::size_t(training.steps());
}

}  // namespace examples
