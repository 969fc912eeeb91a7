#pragma once

#include "interrupt.hpp"
#include "progress.hpp"
#include "robot_task.hpp"
#include "training.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>

#include <diffusion/nn/nn.hpp>

namespace examples {

/// A network that is shown a noised plan and an observation, and guesses the plan. Label i stands
/// for observation i.
struct policy_net {
    diffusion::nn::mlp<float> net;
    std::span<const observation> seen;

    static constexpr std::size_t numbers = 7 * 16;

    explicit policy_net(std::uint64_t seed)
        : net({.in = numbers + observation{}.size(), .hidden = 256, .layers = 4, .out = numbers},
              seed) {}

    diffusion::nn::var<float> operator()(const diffusion::nn::var<float>& x,
                                         std::span<const double> t,
                                         std::span<const std::size_t> labels) const {
        const auto told = x.tape().result({labels.size(), 1, 1, observation{}.size()});
        for (std::size_t i = 0; i < labels.size(); ++i)
            std::ranges::copy(seen[labels[i]], told.fill() + i * observation{}.size());
        return net(diffusion::nn::concat(x, told), t);
    }
    std::size_t channels() const { return numbers; }
    diffusion::nn::parameters<float>& parameters() { return net.parameters(); }

    /// Learns from demonstrations, until Ctrl-C at the latest, and prints how it went.
    template <class Schedule>
    void learn(const Schedule& schedule, const demonstrations& shown, double seconds,
               std::size_t threads, std::uint64_t seed) {
        training_plan plan;
        plan.seconds = seconds;
        plan.batch = 128;
        plan.ema = 0.999;
        plan.dropped_labels = 0;
        plan.target = diffusion::target::data;
        plan.seed = seed;
        seen = shown.seen;
        diffusion::nn::lanes<float> lanes(threads);
        const interrupt stop;
        const auto record =
            train(*this, lanes, schedule, {shown.plans, {1, 1, 1, numbers}, shown.numbers}, plan, 0,
                  [&] { return stop.requested(); });
        std::printf("%zu demonstrations, a network of %zu parameters, %zu training steps in %s\n",
                    shown.seen.size(), parameters().count(), record.losses.size(),
                    spoken_time(record.seconds).c_str());
    }
};

}  // namespace examples
