#pragma once
// A small training for the tests: a perceptron learns the points of a circle around (2, 0).

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace circle {

using schedule = diffusion::discrete_schedule<diffusion::cosine_beta>;

/// 100 points with the label 0 on the left and 1 on the right.
inline diffusion::item_batch<float> points() {
    diffusion::item_batch<float> set;
    set.shape = {100, 1, 1, 2};
    for (int i = 0; i < 100; ++i) {
        set.values.push_back(static_cast<float>(2 + std::cos(0.2 * i)));
        set.values.push_back(static_cast<float>(std::sin(0.2 * i)));
        set.labels.push_back(std::cos(0.2 * i) > 0 ? 1 : 0);
    }
    return set;
}

inline diffusion::trainer_options options() {
    diffusion::trainer_options o;
    o.batch = 13;  // the lanes have unequal shares
    o.accumulate = 2;
    o.seed = 5;
    return o;
}

/// Everything that a training needs, in one place.
template <class Data = diffusion::in_memory<float>>
struct setup {
    using network = diffusion::nn::mlp<float>;
    using model_type = diffusion::denoising<network, schedule>;

    diffusion::item_batch<float> set = points();
    network net;
    model_type model{net, schedule{}, {.dropped_labels = 0.2, .null_label = 2}};
    Data data;
    diffusion::nn::lanes<float> lanes;
    diffusion::trainer<model_type, Data, diffusion::nn::warmup_cosine> training;

    explicit setup(std::size_t threads = 1, const diffusion::trainer_options& o = options(),
                   std::size_t hidden = 16)
        : net({.in = 2, .hidden = hidden, .layers = 2, .out = 2, .time_channels = 8, .classes = 2},
              3),
          data(diffusion::in_memory<float>(set)),
          lanes(threads),
          training(model, data, lanes, diffusion::nn::warmup_cosine{1e-2, 5, 400}, o) {}
};

/// All that a training is, as numbers.
template <class Training>
std::vector<float> state(Training& t) {
    std::vector<float> all{static_cast<float>(t.steps()),
                           static_cast<float>(t.average().updates())};
    const auto append = [&](std::span<const float> more) {
        all.insert(all.end(), more.begin(), more.end());
    };
    append(std::as_const(t.parameters()).values());
    append(t.optimizer().first_moment());
    append(t.optimizer().second_moment());
    append(t.average().values());
    return all;
}

}  // namespace circle
