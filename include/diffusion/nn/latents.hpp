#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <span>

/// Images to latents and back by a trained autoencoder, without recording, the items shared out to
/// the threads of `lanes`: for latent diffusion (Rombach et al. 2022), where a network is trained
/// on the latents of a set of images, and the latents that it draws are decoded.
namespace diffusion::nn {

/// mean (and, unless left out, log_variance) = those of q(z | x) for images of shape `images`; the
/// elements in the order item, row, column, channel.
template <class Net, class T>
void encode(Net& net, lanes<T>& lanes, const shape& images, std::span<const T> x, std::span<T> mean,
            std::span<T> log_variance = {}) {
    constexpr const char* function = "diffusion::nn::encode";
    const shape latents = net.latents_of(images);
    diffusion::detail::require(x.size() == images.size(), function,
                               "x must have as many elements as the shape says", x.size());
    diffusion::detail::require(mean.size() == latents.size(), function,
                               "the mean must have as many elements as the latents", mean.size());
    diffusion::detail::require(log_variance.empty() || log_variance.size() == mean.size(), function,
                               "the log-variance must have as many elements as the mean",
                               log_variance.size());
    const std::size_t image = images.pixels() * images.channels;
    const std::size_t latent = latents.pixels() * latents.channels;
    net.parameters().prepare(false);
    lanes.evaluate(images.items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
        const auto q = net.encode(tape.constant(
            {count, images.height, images.width, images.channels}, x.data() + first * image));
        std::ranges::copy(q.mean.values(), mean.data() + first * latent);
        if (!log_variance.empty())
            std::ranges::copy(q.log_variance.values(), log_variance.data() + first * latent);
    });
}

/// x = the images of latents z of shape `latents`.
template <class Net, class T>
void decode(Net& net, lanes<T>& lanes, const shape& latents, std::span<const T> z, std::span<T> x) {
    constexpr const char* function = "diffusion::nn::decode";
    const shape images = net.images_of(latents);
    diffusion::detail::require(z.size() == latents.size(), function,
                               "z must have as many elements as the shape says", z.size());
    diffusion::detail::require(x.size() == images.size(), function,
                               "x must have as many elements as the images", x.size());
    const std::size_t image = images.pixels() * images.channels;
    const std::size_t latent = latents.pixels() * latents.channels;
    net.parameters().prepare(false);
    lanes.evaluate(latents.items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
        const auto y = net.decode(tape.constant(
            {count, latents.height, latents.width, latents.channels}, z.data() + first * latent));
        std::ranges::copy(y.values(), x.data() + first * image);
    });
}

/// The factor by which latents are multiplied so that they have variance 1, as the noise of a
/// diffusion has (Rombach et al. 2022, appendix G): 1 / sqrt(mean over all elements of
/// (z - mean of z)^2), measured on some images and kept with the autoencoder.
template <class T>
double latent_scale(std::span<const T> z) {
    double sum = 0, squares = 0;
    for (T v : z) sum += static_cast<double>(v);
    const double count = static_cast<double>(z.size()), mean = sum / count;
    for (T v : z) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
    diffusion::detail::require(squares > 0 && std::isfinite(squares), "diffusion::nn::latent_scale",
                               "the latents must be finite and not all equal", squares);
    return std::sqrt(count / squares);
}

}  // namespace diffusion::nn
