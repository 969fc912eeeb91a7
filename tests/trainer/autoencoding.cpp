#include <doctest/doctest.h>
#include <diffusion/nn/autoencoder_kl.hpp>
#include <diffusion/nn/latents.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/trainer/autoencoding.hpp>
#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/trainer.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

using network = nn::autoencoder_kl<float>;
const nn::shape one{1, 16, 16, 1};

/// A bright square or disc at any place of a dark picture.
void draw_shape(std::span<float> picture, std::uint64_t seed, std::uint64_t number) {
    double luck[4];
    diffusion::fill_uniform<double>(luck, seed, {diffusion::noise_stream::data, number, 1});
    const double radius = 2 + 3 * luck[0], x = 5 + 6 * luck[1], y = 5 + 6 * luck[2];
    for (std::size_t p = 0; p < picture.size(); ++p) {
        const double i = static_cast<double>(p / 16) + 0.5 - y,
                     j = static_cast<double>(p % 16) + 0.5 - x;
        const double distance =
            luck[3] < 0.5 ? std::hypot(i, j) : std::max(std::abs(i), std::abs(j));
        picture[p] = distance < radius ? 1.0F : -1.0F;
    }
}

/// The mean squared error of 32 pictures that were not trained on, after `steps` steps.
struct result {
    double error, variance;  // of the pictures, of their latents times their scale
};

result after(std::uint64_t steps, std::size_t threads) {
    network net({.image_channels = 1, .base = 8, .latent_channels = 2, .groups = 4}, 1);
    diffusion::autoencoding model(net, {.kl_weight = 1e-5});
    auto data = diffusion::generate<float>(one, draw_shape);
    nn::lanes<float> lanes(threads);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{1e-2, 10, 200},
                                {.batch = 16, .seed = 1});
    training.run(steps);

    diffusion::item_batch<float> fresh = data.init(32);
    data.fill(fresh, {.seed = 2});
    const nn::shape latents = net.latents_of(fresh.shape);
    std::vector<float> z(latents.size()), x(fresh.values.size());
    nn::encode(net, lanes, fresh.shape, std::span<const float>(fresh.values), std::span(z));
    nn::decode(net, lanes, latents, std::span<const float>(z), std::span(x));
    result r{};
    for (std::size_t i = 0; i < x.size(); ++i)
        r.error += std::pow(static_cast<double>(x[i] - fresh.values[i]), 2) /
                   static_cast<double>(x.size());
    const double factor = nn::latent_scale(std::span<const float>(z));
    for (float& v : z) v *= static_cast<float>(factor);
    r.variance = 1 / std::pow(nn::latent_scale(std::span<const float>(z)), 2);
    return r;
}

}  // namespace

TEST_CASE("an autoencoder learns to put shapes into an eighth of their numbers") {
    const result untrained = after(0, 1), trained = after(200, 2);
    CHECK(untrained.error > 0.5);
    CHECK(trained.error < 0.06);
    CHECK(trained.variance == doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("the training of an autoencoder gives the same bits for any number of threads") {
    CHECK(after(3, 1).error == after(3, 3).error);
}

TEST_CASE("a negative weight of the divergence is refused") {
    network net({.image_channels = 1, .base = 8, .groups = 4});
    CHECK(support::is_complete(
        support::refusal([&] { diffusion::autoencoding(net, {.kl_weight = -1}); }), -1.0));
}
