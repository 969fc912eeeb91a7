#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/reparameterize.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/trainer/data_source.hpp>
#include <diffusion/trainer/trainable.hpp>

namespace diffusion {

/// What an autoencoder's loss is made of.
struct autoencoding_options {
    double kl_weight = 1e-6;  ///< see `autoencoding`
};

/// An autoencoder and the loss that trains it (Kingma and Welling 2014, eq. 10; Rombach et al.
/// 2022, appendix G, without their discriminator): a `trainable` of batches of items.
///
///     L = mean over items and elements of (decode(z) - x)^2 + kl_weight KL(q(z | x) || N(0, I))
///
/// with one z drawn from q(z | x) for each item, and KL the mean over items, in nats. That is the
/// variational bound, times 2 s^2 / D, of a decoder that is Gaussian with standard deviation s in
/// each of D elements if kl_weight = 2 s^2 / D; much smaller weights, as for latent diffusion, only
/// keep the latents from spreading.
///
/// `net.encode(x)` gives `mean` and `log_variance`, `net.decode(z)` the items, and
/// `net.latents_of(shape)` the shape of z: `nn::autoencoder_kl` is such a network. The noise of
/// batch `draw` is a function of `draw` alone. Refers to the network.
template <class Net>
class autoencoding {
public:
    using scalar = parameter_scalar_t<Net>;

    explicit autoencoding(Net& net, const autoencoding_options& options = {})
        : net_(&net), options_(options) {
        detail::require(options.kl_weight >= 0, "diffusion::autoencoding",
                        "the weight of the divergence must not be negative", options.kl_weight);
    }

    nn::parameters<scalar>& parameters() { return net_->parameters(); }

    /// Draws the noise of the batch.
    void prepare(const item_batch<scalar>& batch, const batch_draw& draw) {
        noise_.resize(net_->latents_of(batch.shape).size());
        fill_normal<scalar>(noise_, draw.seed, {noise_stream::forward, draw.index});
    }

    /// The mean loss of some items of the batch that was prepared last.
    nn::var<scalar> loss(nn::tape<scalar>& tape, const item_batch<scalar>& batch, std::size_t first,
                         std::size_t count) {
        const std::size_t size = batch.item_size(), latent = noise_.size() / batch.items();
        const std::span<const scalar> x =
            std::span<const scalar>(batch.values).subspan(first * size, count * size);
        nn::shape shape = batch.shape;
        shape.items = count;
        const auto q = net_->encode(tape.constant(shape, x.data()));
        const nn::var<scalar> z = nn::reparameterize(
            q.mean, q.log_variance,
            std::span<const scalar>(noise_).subspan(first * latent, count * latent));
        return nn::add(nn::mse_loss(net_->decode(z), x),
                       nn::scale(nn::kl_loss(q.mean, q.log_variance),
                                 static_cast<scalar>(options_.kl_weight)));
    }

private:
    Net* net_;
    autoencoding_options options_;
    std::vector<scalar> noise_;
};

}  // namespace diffusion
