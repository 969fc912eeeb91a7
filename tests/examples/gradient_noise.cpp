#include "../../examples/support/gradient_noise.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/nn/nn.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace {

/// L = mean (weight + bias - x_i)^2 with both at 0: either gradient of an item is -2 x_i.
struct one_number {
    diffusion::nn::parameters<float> store{1};
    diffusion::nn::linear_layer<float> layer{store, "one", 1, 1, true};
    std::vector<float> ones = std::vector<float>(64, 1.0F);

    diffusion::nn::parameters<float>& parameters() { return store; }
    void prepare(const diffusion::item_batch<float>&, const diffusion::batch_draw&) {}
    diffusion::nn::var<float> loss(diffusion::nn::tape<float>& tape,
                                   const diffusion::item_batch<float>& batch, std::size_t first,
                                   std::size_t count) const {
        return diffusion::nn::mse_loss(layer(tape.constant({count, 1, 1, 1}, ones.data())),
                                       std::span<const float>(batch.values).subspan(first, count));
    }
};

/// What is measured on these data, in 200 measurements.
examples::gradient_noise noise_of(const std::vector<float>& data) {
    one_number model;
    diffusion::in_memory source({1, 1, 1, 1}, std::span<const float>(data), std::span<const int>(),
                                diffusion::item_order::independent);
    diffusion::nn::lanes<float> lanes(1);
    diffusion::trainer training(model, source, lanes, diffusion::nn::warmup_cosine{});
    examples::gradient_noise sum;
    for (std::size_t draw = 0; draw < 200; ++draw)
        sum += examples::measure_noise(training, draw, 8, 4);
    return sum;
}

}  // namespace

TEST_CASE("the gradient noise scale is the variance of an item's gradient over its mean squared") {
    const auto noise = noise_of({3, -1, 3, -1});  // mean 1, variance 4; two gradients, -2 x each
    CHECK(noise.signal / 200 == doctest::Approx(8).epsilon(0.1));
    CHECK(noise.noise / 200 == doctest::Approx(32).epsilon(0.1));
    CHECK(noise.scale() == doctest::Approx(4).epsilon(0.1));
}

TEST_CASE("items that are all the same have no gradient noise") {
    CHECK(noise_of({2, 2}).scale() == doctest::Approx(0).epsilon(1e-9));
}
