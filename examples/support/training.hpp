#pragma once

#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <diffusion/io/safetensors.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/checkpoint.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

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
    std::filesystem::path checkpoint = {};  ///< where to go on, if it exists, and to save to
    double look_every = 30;                 ///< seconds between two checkpoints, or looks
};

/// What happened.
struct training_record {
    std::vector<double> losses;  ///< of every step
    std::size_t images = 0;
    double seconds = 0;
    std::size_t earlier = 0;  ///< steps before these, which a checkpoint brought along
};

/// The data: items of one shape, one behind the other, each with a label (or none at all).
struct training_data {
    std::span<const float> items;
    diffusion::nn::shape item;  ///< items = 1
    std::span<const int> labels;
};

/// How a batch is shared out among so many threads (0: all cores). Four threads or fewer need no
/// more than four pieces, and a batch of 32 is trained a tenth faster than in the usual eight. The
/// number of pieces changes the last bits of the result.
inline diffusion::nn::lanes_options lanes_for(std::size_t threads) {
    const std::size_t number = threads > 0 ? threads : std::thread::hardware_concurrency();
    return {.threads = threads, .lanes = number <= 4 ? 4U : 8U};
}

/// Trains anything that the library's trainer trains, and leaves the averaged weights in it.
///
/// Adam with (0.9, 0.99), gradients clipped at norm 1, warm-up and half a cosine, EMA. `stop()` is
/// asked before each step; the step in hand is always finished. Everything but the time it takes is
/// a function of the plan's seed.
///
/// A checkpoint is written every half minute and at the end, whoever ends it. Who goes on from one
/// gets the same bits as without an interruption if the plan counts epochs; if it counts seconds,
/// those of before count, too. `look(training)` is called after each checkpoint, or as often.
template <class Model, class Source, class Stop, class Look>
training_record train_model(Model& model, Source& source, diffusion::nn::lanes<float>& lanes,
                            const training_plan& plan, Stop&& stop, Look&& look) {
    training_record record;
    double before = 0, looked = 0;
    stopwatch watch;
    const auto done = [&](std::uint64_t steps) {
        return std::max((before + watch.seconds()) / plan.seconds,
                        double(steps * plan.batch) / (plan.epochs * double(source.size())));
    };
    // The cosine follows the part that is done, so that the rate is zero when all is over.
    const auto rate = [&](std::size_t step) {
        const double rise = std::min(1.0, double(step + 1) / double(plan.warmup));
        const double part = std::min(done(step), 1.0);
        return plan.rate * rise * 0.5 * (1 + std::cos(std::numbers::pi * part));
    };
    diffusion::trainer training(
        model, source, lanes, rate,
        {.batch = plan.batch, .average = {.decay = plan.ema}, .seed = plan.seed});
    const auto keep = [&] {
        if (!plan.checkpoint.empty())
            diffusion::save_checkpoint(plan.checkpoint, training,
                                       {{"seconds", std::to_string(before + watch.seconds())}});
        look(training);
        looked = watch.seconds();
    };
    if (!plan.checkpoint.empty() && diffusion::resume(training, plan.checkpoint)) {
        const auto file = diffusion::io::read_safetensors(plan.checkpoint);
        if (const auto found = file.metadata.find("seconds"); found != file.metadata.end())
            before = std::strtod(found->second.c_str(), nullptr);
        record.earlier = std::size_t(training.steps());
    }

    progress bar("training");
    const auto note = [&] {
        char text[96];
        const std::size_t last = std::min<std::size_t>(record.losses.size(), 50);
        double sum = 0;
        for (std::size_t i = record.losses.size() - last; i < record.losses.size(); ++i)
            sum += record.losses[i];
        std::snprintf(text, sizeof text, "step %zu, %.0f items/s, loss %.4f",
                      std::size_t(training.steps()),
                      double(record.images) / std::max(watch.seconds(), 1e-9),
                      last == 0 ? 0 : sum / double(last));
        return std::string(text);
    };
    if (done(training.steps()) < 1 && !stop()) {
        training.run(std::numeric_limits<std::uint64_t>::max(),
                     [&](const diffusion::step_report& report) {
                         record.losses.push_back(report.loss);
                         record.images += plan.batch;
                         const double part = done(report.step);
                         bar.show(part, note());
                         if (watch.seconds() - looked > plan.look_every) keep();
                         return part < 1 && !stop();
                     });
        keep();
    }
    record.seconds = watch.seconds();
    bar.finish(std::min(done(training.steps()), 1.0), note());
    if (training.steps() > 0) training.average().swap();
    return record;
}

/// Trains a network of diffusion::nn on noised data (Ho et al. 2020, algorithm 1), as above. The
/// error of what it predicts counts the same at all levels; by default that is the velocity, with
/// the weighting of Salimans and Ho (2022). `null_label` is what a dropped label becomes.
template <class Net, class Schedule, class Stop, class Look>
training_record train(Net& net, diffusion::nn::lanes<float>& lanes, const Schedule& schedule,
                      const training_data& data, const training_plan& plan, std::size_t null_label,
                      Stop&& stop, Look&& look) {
    diffusion::in_memory source(data.item, data.items, data.labels);
    diffusion::denoising model(
        net, schedule,
        {.kind = plan.target, .dropped_labels = plan.dropped_labels, .null_label = null_label});
    return train_model(model, source, lanes, plan, stop, look);
}

/// The same without anybody who looks.
template <class Net, class Schedule, class Stop>
training_record train(Net& net, diffusion::nn::lanes<float>& lanes, const Schedule& schedule,
                      const training_data& data, const training_plan& plan, std::size_t null_label,
                      Stop&& stop) {
    return train(net, lanes, schedule, data, plan, null_label, stop, [](auto&) {});
}

}  // namespace examples
