#pragma once

#include "labelled_images.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace examples {

/// A small network that reads digits: four convolutions, two of which halve the picture, the mean
/// over what is left of it, ten scores. It learns from real digits only, and
/// has nothing in common with the network that draws, so it can be asked what a drawn digit shows.
class digit_reader {
public:
    explicit digit_reader(std::uint64_t seed) : store_(seed) {}

    diffusion::nn::parameters<float>& parameters() { return store_; }
    const diffusion::nn::parameters<float>& parameters() const { return store_; }

    /// Learns from `known`, in a few seconds.
    void learn(const labelled_images& known, diffusion::nn::lanes<float>& lanes,
               std::size_t steps = 400, std::size_t batch = 64) {
        diffusion::in_memory source({1, known.height, known.width, 1},
                                    std::span<const float>(known.pixels),
                                    std::span<const int>(known.labels));
        diffusion::trainer training(*this, source, lanes,
                                    diffusion::nn::warmup_cosine{4e-3, steps / 10, steps},
                                    {.batch = batch, .average = {.decay = 0.95}});
        training.run(steps);
        training.average().swap();
    }

    /// The mean cross-entropy of some items of a batch: what a trainer wants of a model.
    diffusion::nn::var<float> loss(diffusion::nn::tape<float>& tape,
                                   const diffusion::item_batch<float>& batch, std::size_t first,
                                   std::size_t count) const {
        diffusion::nn::shape shape = batch.shape;
        shape.items = count;
        const float* pictures = batch.values.data() + first * batch.item_size();
        return diffusion::nn::cross_entropy_loss(
            scores(tape.constant(shape, pictures)),
            std::span<const std::size_t>(batch.labels).subspan(first, count));
    }

    /// The digit that each of the pictures (height x width, values in [-1, 1]) looks most like.
    std::vector<int> read(std::span<const float> pictures, std::size_t height, std::size_t width,
                          diffusion::nn::lanes<float>& lanes) {
        const std::size_t area = height * width;
        std::vector<int> digits(pictures.size() / area);
        store_.prepare(false);
        lanes.evaluate(digits.size(), [&](auto& tape, std::size_t first, std::size_t count) {
            const auto s =
                scores(tape.constant({count, height, width, 1}, pictures.data() + first * area));
            for (std::size_t i = 0; i < count; ++i)
                digits[first + i] =
                    int(std::max_element(s.data() + 10 * i, s.data() + 10 * i + 10) -
                        (s.data() + 10 * i));
        });
        return digits;
    }

private:
    diffusion::nn::var<float> scores(const diffusion::nn::var<float>& x) const {
        namespace nn = diffusion::nn;
        return out_(nn::global_average_pool(n4_(c4_(n3_(c3_(n2_(c2_(n1_(c1_(x))))))))));
    }

    using conv = diffusion::nn::conv2d<float>;
    using norm = diffusion::nn::group_norm_layer<float>;  // with SiLU behind it

    diffusion::nn::parameters<float> store_;
    conv c1_{store_, "c1", 1, 16}, c2_{store_, "c2", 16, 32, 3, 2}, c3_{store_, "c3", 32, 64, 3, 2},
        c4_{store_, "c4", 64, 64};
    norm n1_{store_, "n1", 16, {.with_silu = true}}, n2_{store_, "n2", 32, {.with_silu = true}},
        n3_{store_, "n3", 64, {.with_silu = true}}, n4_{store_, "n4", 64, {.with_silu = true}};
    diffusion::nn::linear_layer<float> out_{store_, "out", 64, 10};
};

/// The share of readings that are the labels.
inline double agreement(std::span<const int> readings, std::span<const int> labels) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < readings.size(); ++i) same += readings[i] == labels[i];
    return readings.empty() ? 0 : double(same) / double(readings.size());
}

}  // namespace examples
