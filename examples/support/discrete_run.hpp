#pragma once

#include "training.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <diffusion/discrete/categorical_bound.hpp>
#include <diffusion/discrete/categorical_sampler.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/nn/state_predictor.hpp>
#include <diffusion/trainer/categorical_denoising.hpp>

namespace examples {

/// What one process has come to.
struct discrete_result {
    double bits = 0;        ///< the bound for an item of the test, with all steps
    double few = 0;         ///< the same with an eighth of the steps
    double last = 0;        ///< L_0's share of it, the step to the data
    double prior = 0;       ///< L_T's share
    std::size_t items = 0;  ///< seen in training
    std::vector<std::size_t> samples;
    std::vector<std::vector<std::size_t>> film;  ///< the first samples, from noise to data
};

/// How much of everything.
struct discrete_plan {
    training_plan training;
    double lambda = 0.01;       ///< of the auxiliary loss
    std::size_t samples = 512;  ///< items to draw
    std::size_t frames = 8;     ///< of the film
    std::size_t stars = 1;      ///< samples that are filmed
};

/// Trains the network to undo the process, bounds the code length of the test, and draws. The items
/// of `source` and `test` have the shape {1, height, width, 1}.
template <class Net, class P, class Source, class Stop>
discrete_result undo(Net& net, const P& process, Source& source, std::span<const std::size_t> test,
                     const diffusion::nn::shape& item, diffusion::nn::lanes<float>& lanes,
                     const discrete_plan& plan, Stop&& stop) {
    discrete_result r;
    diffusion::categorical_denoising model(net, process, {.cross_entropy = plan.lambda});
    r.items = train_model(model, source, lanes, plan.training, stop, [](auto&) {}).images;

    const diffusion::nn::state_predictor predict(net, lanes, item.height, item.width);
    const std::uint64_t seed = plan.training.seed;
    const std::size_t size = item.pixels(), T = process.steps();
    const double count = double(test.size()) / double(size);
    const auto bound = [&](std::size_t steps) {
        const auto times = diffusion::even_times(T, steps);
        return diffusion::categorical_variational_bound(process, test, predict, seed,
                                                        std::span<const std::size_t>(times));
    };
    const auto all = bound(T);
    r.bits = diffusion::in_bits(all.nats()) / count;
    r.last = diffusion::in_bits(all.steps.front()) / count;
    r.prior = diffusion::in_bits(all.prior) / count;
    r.few = diffusion::in_bits(bound(T / 8).nats()) / count;

    const diffusion::categorical_sampler sampler(process);
    r.samples.resize(plan.samples * size);
    auto memory = sampler.init(r.samples.size());
    sampler.start(r.samples, seed);
    for (std::size_t i = 0, frame = 0; i <= T; ++i) {
        if (i == frame * T / (plan.frames - 1)) {
            r.film.emplace_back(r.samples.begin(),
                                r.samples.begin() + std::ptrdiff_t(plan.stars * size));
            ++frame;
        }
        if (i < T) sampler.step(i, r.samples, memory, predict, seed);
    }
    return r;
}

/// All places are independent: place k of an item has state s with the frequency that it has in the
/// data. What a model learns beyond that is what the places have to do with each other.
class null_model {
public:
    /// To the items of `data` one is added that has every state a little, so that nothing is
    /// impossible.
    null_model(std::span<const std::size_t> data, std::size_t size, std::size_t states)
        : size_(size), states_(states), frequency_(size * states, 1 / double(states)) {
        for (std::size_t i = 0; i < data.size(); ++i) frequency_[i % size * states + data[i]] += 1;
        for (double& value : frequency_) value /= double(data.size()) / double(size) + 1;
    }

    /// Code length of an item in bits, the mean.
    double bits(std::span<const std::size_t> items) const {
        double sum = 0;
        for (std::size_t i = 0; i < items.size(); ++i)
            sum -= std::log2(frequency_[i % size_ * states_ + items[i]]);
        return sum * double(size_) / double(items.size());
    }

    std::vector<std::size_t> draw(std::size_t items, std::uint64_t seed) const {
        std::vector<double> u(items * size_);
        std::vector<std::size_t> drawn(u.size());
        diffusion::fill_uniform<double>(u, seed, {diffusion::noise_stream::user});
        for (std::size_t i = 0; i < u.size(); ++i)
            drawn[i] = diffusion::draw_state(
                std::span(frequency_).subspan(i % size_ * states_, states_), u[i]);
        return drawn;
    }

private:
    std::size_t size_, states_;
    std::vector<double> frequency_;
};

}  // namespace examples
