#pragma once

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/gate.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/positions.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/time_label_embedding.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace diffusion::nn {

/// The sizes of a diffusion transformer. The default is a net of 0.3 million parameters for small
/// images.
struct dit_options {
    std::size_t image_channels = 1;
    std::size_t patch = 4;      ///< side of the squares of pixels that become tokens
    std::size_t channels = 64;  ///< of a token; a multiple of 4
    std::size_t blocks = 4;
    std::size_t heads = 4;
    std::size_t ratio = 4;          ///< hidden channels of the perceptrons, in units of channels
    std::size_t classes = 0;        ///< 0: unconditional; the label `classes` means "no label"
    bool learned_variance = false;  ///< a second set of image channels in the result
    bool zero_last = true;          ///< gates, modulations and the output start at zero
    double time_factor = 1;         ///< multiplies t: 1000 for a time in [0, 1]
};

/// A block of the transformer, in which the condition c sets scale and shift of both layer norms
/// and a gate for each branch (Peebles and Xie 2023, figure 3, "adaLN-Zero"):
///
///     shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = ada(c)
///     x = x + gate_1 o(attention(q(norm(x) (1 + scale_1) + shift_1)))
///     x = x + gate_2 mlp(norm(x) (1 + scale_2) + shift_2)
template <class T>
struct dit_block {
    std::string name;
    linear_layer<T> q, o;  // q: queries, keys and values
    linear_layer<T> mlp0, mlp2, ada;
    std::size_t channels, heads;

    dit_block(parameters<T>& store, const std::string& block_name, const dit_options& options)
        : name(block_name),
          q(store, name + ".q", options.channels, 3 * options.channels),
          o(store, name + ".o", options.channels, options.channels),
          mlp0(store, name + ".mlp.0", options.channels, options.ratio * options.channels),
          mlp2(store, name + ".mlp.2", options.ratio * options.channels, options.channels),
          ada(store, name + ".ada", options.channels, 6 * options.channels, options.zero_last),
          channels(options.channels),
          heads(options.heads) {}

    /// x {items, height, width, channels}: the tokens; c {items, 1, 1, channels}: SiLU of the
    /// embedding of time and class.
    var<T> operator()(const var<T>& x, const var<T>& c) const {
        const var<T> six = ada(c);
        const auto part = [&](std::size_t i) { return slice(six, i * channels, channels); };
        const auto modulated = [&](const var<T>& h, std::size_t i) {
            return scale_shift(layer_norm<T>(h, {}, {}, 1e-6), part(i + 1), part(i));
        };
        const var<T> h =
            add_gated(x, o(self_attention<T>(q(modulated(x, 0)), heads, {.name = name})), part(2));
        return add_gated(h, mlp2(gelu_tanh(mlp0(modulated(h, 3)))), part(5));
    }
};

/// The diffusion transformer (Peebles and Xie 2023, figure 3):
///
///     x - patches - inp - + positions - block - ... - block - norm, scale, shift - out - pixels
///
/// Each square of patch x patch pixels becomes a token, in the order of `pixel_unshuffle`; the
/// tokens keep their place in the plane, {items, height / patch, width / patch, channels}, and the
/// sinusoids of row and column are added to them. The last layer makes the pixels of each square.
/// Every block starts as the identity, and the prediction as zero. Height and width must be
/// divisible by `patch`; otherwise images of any size will do.
///
/// Parameter names: te.0, te.2, label, inp, blocks.I.q, .o, .mlp.0, .mlp.2, .ada, ada, out. The
/// interface is that of `unet`.
template <class T>
class dit {
public:
    explicit dit(const dit_options& options = {}, std::uint64_t seed = 0)
        : options_(checked(options)), store_(std::make_unique<nn::parameters<T>>(seed)) {
        const dit_options& o = options_;
        const std::size_t area = o.patch * o.patch;
        nn::parameters<T>& p = *store_;
        embed_ = {p, {.channels = o.channels, .factor = o.time_factor}, o.channels, o.classes};
        inp_ = {p, "inp", area * o.image_channels, o.channels};
        for (std::size_t i = 0; i < o.blocks; ++i)
            blocks_.emplace_back(p, "blocks." + std::to_string(i), o);
        ada_ = {p, "ada", o.channels, 2 * o.channels, o.zero_last};
        out_ = {p, "out", o.channels, area * out_channels(), o.zero_last};
    }

    /// The prediction for x {items, height, width, image channels}; t and labels as for `unet`.
    /// With `learned_variance` it has twice the channels: the prediction, then what says the
    /// variance (Nichol and Dhariwal 2021, eq. 15).
    var<T> operator()(const var<T>& x, std::span<const double> t,
                      std::span<const std::size_t> labels = {}) const {
        const nn::shape s = x.shape();
        const std::size_t d = options_.channels;
        if (s.channels != options_.image_channels || s.height % options_.patch != 0 ||
            s.width % options_.patch != 0)
            diffusion::detail::reject("diffusion::nn::dit",
                                      "x must have image_channels, and a height and width "
                                      "divisible by the patch",
                                      to_string(s));
        nn::tape<T>& tape = x.tape();
        const var<T> c = embed_(tape, s.items, t, labels);
        var<T> h = inp_(pixel_unshuffle(x, options_.patch));
        h = add_to_items(h, sincos_positions(tape, h.shape().height, h.shape().width, d));
        for (const dit_block<T>& block : blocks_) h = block(h, c);
        const var<T> two = ada_(c);  // shift and scale
        h = scale_shift(layer_norm<T>(h, {}, {}, 1e-6), slice(two, d, d), slice(two, 0, d));
        return pixel_shuffle(out_(h), options_.patch);
    }

    const dit_options& options() const { return options_; }

    /// Channels of one position of x.
    std::size_t channels() const { return options_.image_channels; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    static const dit_options& checked(const dit_options& o) {
        constexpr const char* function = "diffusion::nn::dit";
        diffusion::detail::require(o.image_channels > 0, function, "an image must have a channel",
                                   o.image_channels);
        diffusion::detail::require(o.patch > 0, function, "a patch must have a pixel", o.patch);
        diffusion::detail::require(o.channels > 0 && o.channels % 4 == 0, function,
                                   "the channels must be a multiple of 4", o.channels);
        diffusion::detail::require(o.heads > 0 && o.channels % o.heads == 0, function,
                                   "the number of heads must divide the channels", o.heads);
        diffusion::detail::require(o.blocks > 0, function, "there must be a block", o.blocks);
        diffusion::detail::require(o.ratio > 0, function,
                                   "the perceptrons must have a hidden channel", o.ratio);
        return o;
    }
    std::size_t out_channels() const {
        return (options_.learned_variance ? 2 : 1) * options_.image_channels;
    }

    dit_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    time_label_embedding<T> embed_;
    linear_layer<T> inp_;
    std::vector<dit_block<T>> blocks_;
    linear_layer<T> ada_, out_;
};

}  // namespace diffusion::nn
