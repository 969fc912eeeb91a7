#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/unet/blocks.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The sizes of an autoencoder. The default, of 1.0 million parameters, makes latents
/// of 8x8x4 from images of 32x32x3.
struct autoencoder_kl_options {
    std::size_t image_channels = 3;
    std::size_t base = 32;                             ///< channels at full resolution
    std::vector<std::size_t> multipliers = {1, 2, 2};  ///< channels of each level, in units of base
    std::size_t blocks = 1;  ///< residual blocks per level going down, one more going up
    std::size_t latent_channels = 4;
    std::size_t heads = 1;   ///< of the self-attention in the middle
    std::size_t groups = 8;  ///< of the group norms
};

/// What an encoder says of an image: the diagonal Gaussian q(z | x), {items, height, width, latent
/// channels} each. `reparameterize` draws from it, and `kl_loss` is its distance from N(0, I).
template <class T>
struct latent_gaussian {
    var<T> mean, log_variance;
};

/// One half of an autoencoder: convolution inp, levels of residual blocks with a change of
/// resolution between them, and in the middle (the end of an encoder, the start of a decoder) m1,
/// self-attention ma, m2; then group norm n, SiLU and convolution out.
template <class T>
class autoencoder_half {
public:
    autoencoder_half(parameters<T>& store, const std::string& name, bool decodes,
                     const autoencoder_kl_options& o)
        : decodes_(decodes),
          middle_(o.base * o.multipliers.back()),
          m1_(store, name + ".m1", middle_, middle_, like_unet(o)),
          ma_(store, name + ".ma", middle_, like_unet(o)),
          m2_(store, name + ".m2", middle_, middle_, like_unet(o)) {
        std::vector<std::size_t> channels;
        for (std::size_t m : o.multipliers) channels.push_back(o.base * m);
        if (decodes) std::reverse(channels.begin(), channels.end());
        std::size_t c = channels.front();
        inp_ = {store, name + ".inp", decodes ? o.latent_channels : o.image_channels, c};
        for (std::size_t l = 0; l < channels.size(); ++l) {
            const std::string at = name + (decodes ? ".up." : ".down.") + std::to_string(l);
            level next;
            for (std::size_t i = 0; i < o.blocks + (decodes ? 1 : 0); ++i) {
                next.blocks.emplace_back(store, at + "." + std::to_string(i), c, channels[l],
                                         like_unet(o));
                c = channels[l];
            }
            if (l + 1 < channels.size())
                next.resample = decodes ? conv2d<T>::of_doubled(store, at + ".resample", c, c)
                                        : conv2d<T>(store, at + ".resample", c, c, 3, 2);
            levels_.push_back(std::move(next));
        }
        n_ = {store, name + ".n", c, {.groups = o.groups, .with_silu = true}};
        out_ = {store, name + ".out", c, decodes ? o.image_channels : 2 * o.latent_channels};
    }

    var<T> operator()(const var<T>& x) const {
        const auto middle = [this](const var<T>& h) { return m2_(ma_(m1_(h, {})), {}); };
        var<T> h = inp_(x);
        if (decodes_) h = middle(h);
        for (const level& l : levels_) {
            for (const residual_block<T>& block : l.blocks) h = block(h, {});
            if (l.resample) h = l.resample(h);
        }
        if (!decodes_) h = middle(h);
        return out_(n_(h));
    }

private:
    struct level {
        std::vector<residual_block<T>> blocks;
        conv2d<T> resample = {};  // not after the last level
    };

    /// The blocks are those of a U-Net without a time.
    static unet_options like_unet(const autoencoder_kl_options& o) {
        return {.base = 0, .heads = o.heads, .groups = o.groups};
    }

    bool decodes_;
    std::size_t middle_;
    residual_block<T> m1_;
    attention_block<T> ma_;
    residual_block<T> m2_;
    conv2d<T> inp_;
    std::vector<level> levels_;
    group_norm_layer<T> n_;
    conv2d<T> out_;
};

/// The convolutional autoencoder with a Gaussian in the middle (Kingma and Welling 2014; in this
/// form Rombach et al. 2022, section 3.1 and appendix G):
///
///     x - encoder - mean, log variance     z = mean + exp(log variance / 2) noise - decoder - x
///
/// Each level but the last halves height and width, which must be divisible by 2^(levels - 1).
/// The encoder's last convolution gives the log-variance itself, without bounds.
///
/// Parameter names: encoder.inp, encoder.down.I.J.n1, ..., encoder.down.I.resample, encoder.m1,
/// .ma, .m2, .n, .out, and decoder.inp, .m1, .ma, .m2, decoder.up.I.J.n1, ...,
/// decoder.up.I.resample, .n, .out.
template <class T>
class autoencoder_kl {
public:
    explicit autoencoder_kl(autoencoder_kl_options options = {}, std::uint64_t seed = 0)
        : options_(checked(std::move(options))),
          store_(std::make_unique<nn::parameters<T>>(seed)),
          encoder_(*store_, "encoder", false, options_),
          decoder_(*store_, "decoder", true, options_) {}

    /// q(z | x) of images {items, height, width, image channels}.
    latent_gaussian<T> encode(const var<T>& x) const {
        latents_of(x.shape());  // checks
        const std::size_t c = options_.latent_channels;
        const var<T> both = encoder_(x);
        return {slice(both, 0, c), slice(both, c, c)};
    }

    /// The images of latents {items, height, width, latent channels}.
    var<T> decode(const var<T>& z) const {
        diffusion::detail::require_shape(z.shape().channels == options_.latent_channels,
                                         "diffusion::nn::autoencoder_kl",
                                         "z must have latent_channels", z.shape());
        return decoder_(z);
    }

    /// The shape of the latents of such images; throws std::invalid_argument if they do not fit.
    nn::shape latents_of(const nn::shape& images) const {
        const std::size_t unit = pixels_per_latent();
        diffusion::detail::require_shape(
            images.channels == options_.image_channels && images.height % unit == 0 &&
                images.width % unit == 0,
            "diffusion::nn::autoencoder_kl",
            "x must have image_channels, and a height and width divisible by 2^(levels - 1)",
            images);
        return {images.items, images.height / unit, images.width / unit, options_.latent_channels};
    }

    /// The shape of the images of such latents.
    nn::shape images_of(const nn::shape& latents) const {
        const std::size_t unit = pixels_per_latent();
        return {latents.items, latents.height * unit, latents.width * unit,
                options_.image_channels};
    }

    const autoencoder_kl_options& options() const { return options_; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    static autoencoder_kl_options checked(autoencoder_kl_options o) {
        constexpr const char* function = "diffusion::nn::autoencoder_kl";
        diffusion::detail::require(!o.multipliers.empty(), function, "there must be a level",
                                   o.multipliers.size());
        for (std::size_t m : o.multipliers)
            diffusion::detail::require(o.base > 0 && m > 0, function,
                                       "each level must have a channel", o.base * m);
        diffusion::detail::require(
            o.heads > 0 && o.base * o.multipliers.back() % o.heads == 0, function,
            "the number of heads must divide the channels of the last level", o.heads);
        diffusion::detail::require(o.blocks > 0, function, "each level must have a block",
                                   o.blocks);
        diffusion::detail::require(o.image_channels > 0, function, "an image must have a channel",
                                   o.image_channels);
        diffusion::detail::require(o.latent_channels > 0, function, "latents must have a channel",
                                   o.latent_channels);
        return o;
    }
    std::size_t pixels_per_latent() const {
        return std::size_t{1} << (options_.multipliers.size() - 1);
    }

    autoencoder_kl_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    autoencoder_half<T> encoder_, decoder_;
};

}  // namespace diffusion::nn
