#include <doctest/doctest.h>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/nn/dit.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/trainer.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// Pictures of 8x8 with a wave of any phase: from top to bottom (label 0), or from left to right.
std::size_t draw_wave(std::span<float> picture, std::uint64_t seed, std::uint64_t number) {
    double luck[2];
    diffusion::fill_uniform<double>(luck, seed, {diffusion::noise_stream::data, number, 1});
    const std::size_t label = luck[0] < 0.5 ? 0 : 1;
    for (std::size_t p = 0; p < picture.size(); ++p) {
        const double place = static_cast<double>(label == 0 ? p / 8 : p % 8);
        picture[p] = static_cast<float>(std::sin(6.283 * (place / 8 + luck[1])));
    }
    return label;
}

/// How far the pixels of a picture are from the means of their rows (axis 0) or columns, as a share
/// of their mean square.
double unevenness(std::span<const float> picture, std::size_t axis) {
    double squares = 0, rest = 0;
    for (std::size_t line = 0; line < 8; ++line) {
        double mean = 0;
        const auto pixel = [&](std::size_t i) {
            return static_cast<double>(picture[axis == 0 ? line * 8 + i : i * 8 + line]);
        };
        for (std::size_t i = 0; i < 8; ++i) mean += pixel(i) / 8;
        for (std::size_t i = 0; i < 8; ++i) {
            squares += pixel(i) * pixel(i);
            rest += (pixel(i) - mean) * (pixel(i) - mean);
        }
    }
    return rest / squares;
}

}  // namespace

TEST_CASE("a diffusion transformer learns a set of pictures, and draws what the label asks for") {
    nn::dit<float> net({.patch = 2, .channels = 32, .blocks = 2, .heads = 2, .classes = 2}, 1);
    const diffusion::discrete_schedule schedule(diffusion::cosine_beta{});
    diffusion::denoising model(net, schedule, {.dropped_labels = 0.1, .null_label = 2});
    auto data = diffusion::generate<float>({1, 8, 8, 1}, draw_wave);
    nn::lanes<float> lanes(2);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{6e-3, 20, 400},
                                {.batch = 32});
    const double first = training.step().loss;
    CHECK(training.run(400).loss < 0.4 * first);

    const std::vector<std::size_t> labels = {0, 0, 0, 0, 1, 1, 1, 1};
    const auto grid = diffusion::trailing(schedule, 20);
    std::vector<float> x(labels.size() * 64);
    const diffusion::gaussian_noise noise{3};
    diffusion::draw_prior(x, grid.front(), noise);
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid),
                      diffusion::predicts_velocity(nn::as_network(net, lanes, 8, 8, labels)),
                      noise);
    double worst = 0;
    for (std::size_t i = 0; i < labels.size(); ++i)
        worst = support::worse(
            worst, unevenness(std::span<const float>(x).subspan(64 * i, 64), labels[i]));
    CHECK(worst < 0.15);  // of noise: 7/8; of a wave with the other label: 1
}
