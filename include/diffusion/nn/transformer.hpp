#pragma once

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/captions.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/positions.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace diffusion::nn {

/// How a transformer is told the order of its tokens.
enum class token_positions {
    none,        ///< not at all: what comes out for a token does not depend on the order of others
    sinusoidal,  ///< `sincos_positions`
    learned,     ///< a vector for each position
};

/// The sizes of an encoder of captions. The default is a net of 0.1 million parameters.
struct transformer_options {
    std::size_t vocabulary = 256;  ///< number of different tokens
    std::size_t length = 16;       ///< of the longest caption
    std::size_t channels = 64;     ///< of a token
    std::size_t blocks = 2;
    std::size_t heads = 4;
    std::size_t ratio = 4;  ///< hidden channels of the perceptrons, in units of channels
    token_positions positions = token_positions::learned;
    bool causal = false;  ///< a token sees itself and those before it, as in CLIP (Radford et al.)
};

/// A block of a transformer whose norms come first (Xiong et al. 2020, figure 1b):
///
///     x = x + o(attention(q(n1(x)))),   x = x + mlp.2(gelu(mlp.0(n2(x))))
template <class T>
struct transformer_block {
    std::string name;
    layer_norm_layer<T> n1, n2;
    linear_layer<T> q, o;  // q: queries, keys and values
    linear_layer<T> mlp0, mlp2;
    std::size_t heads;
    bool causal;

    transformer_block(parameters<T>& store, const std::string& block_name,
                      const transformer_options& options)
        : name(block_name),
          n1(store, name + ".n1", options.channels),
          n2(store, name + ".n2", options.channels),
          q(store, name + ".q", options.channels, 3 * options.channels),
          o(store, name + ".o", options.channels, options.channels),
          mlp0(store, name + ".mlp.0", options.channels, options.ratio * options.channels),
          mlp2(store, name + ".mlp.2", options.ratio * options.channels, options.channels),
          heads(options.heads),
          causal(options.causal) {}

    /// x {items, 1, length, channels}; mask: the tokens that may be looked at, see
    /// `attention_options`.
    var<T> operator()(const var<T>& x, const var<T>& mask) const {
        const var<T> h = add(o(self_attention<T>(q(n1(x)), heads, {mask, causal, name})), x);
        return add(mlp2(gelu(mlp0(n2(h)))), h);
    }
};

/// The encoder of a transformer (Vaswani et al. 2017, figure 1, left; with the norms first), for
/// captions:
///
///     tokens - token - + positions - block - ... - block - n
///
/// It gives each token a vector that depends on the whole caption: {items, 1, length, channels},
/// the tokens of a U-Net with cross-attention. `last_token` or `mean_of_tokens` make one vector of
/// it, for contrastive training. What stands at the padding is without meaning, and nothing else
/// depends on it.
///
/// Parameter names: token, position, blocks.I.n1, .q, .o, .n2, .mlp.0, .mlp.2, n.
template <class T>
class transformer {
public:
    explicit transformer(const transformer_options& options = {}, std::uint64_t seed = 0)
        : options_(checked(options)),
          own_(std::make_unique<nn::parameters<T>>(seed)),
          store_(own_.get()) {
        add_layers("");
    }

    /// The same with its parameters among those of another network, each named `prefix` and its
    /// name, so that both are trained as one (Rombach et al. 2022, section 3.3): "text." in the
    /// parameters of a U-Net, which must outlive it.
    transformer(nn::parameters<T>& store, const std::string& prefix,
                const transformer_options& options)
        : options_(checked(options)), store_(&store) {
        add_layers(prefix);
    }

    /// The vectors of some captions. `lengths`: the number of tokens of each, at least 1; `tokens`:
    /// those of all captions one after the other, each filled up to the same length by any tokens.
    /// Both stay in place until `backward`.
    var<T> operator()(nn::tape<T>& tape, std::span<const std::size_t> tokens,
                      std::span<const std::size_t> lengths) const {
        return (*this)(embed(tape, tokens, lengths.size()), lengths);
    }

    /// The same from the tokens' vectors, {items, 1, length, channels}, as `embed` finds them or
    /// another has learned them (textual inversion, Gal et al. 2022).
    var<T> operator()(const var<T>& embedded, std::span<const std::size_t> lengths) const {
        const nn::shape s = embedded.shape();
        diffusion::detail::require_shape(
            s.height == 1 && s.width <= options_.length && s.channels == options_.channels,
            "diffusion::nn::transformer", "captions must be {items, 1, at most length, channels}",
            s);
        const var<T> mask = token_mask(embedded.tape(), lengths, s.width);
        var<T> h = add_positions(embedded);
        for (const transformer_block<T>& block : blocks_) h = block(h, mask);
        return n_(h);
    }

    /// The vectors of the tokens themselves, without positions.
    var<T> embed(nn::tape<T>& tape, std::span<const std::size_t> tokens, std::size_t items) const {
        diffusion::detail::require(items > 0 && !tokens.empty() && tokens.size() % items == 0,
                                   "diffusion::nn::transformer",
                                   "all captions must have the same number of tokens",
                                   tokens.size());
        return reshape(token_(tape, tokens.size(), tokens),
                       {items, 1, tokens.size() / items, options_.channels});
    }

    const transformer_options& options() const { return options_; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    void add_layers(const std::string& prefix) {
        const transformer_options& o = options_;
        token_ = {*store_, prefix + "token", o.vocabulary, o.channels};
        if (o.positions == token_positions::learned)
            position_ = {*store_, prefix + "position", o.length, o.channels};
        for (std::size_t i = 0; i < o.blocks; ++i)
            blocks_.emplace_back(*store_, prefix + "blocks." + std::to_string(i), o);
        n_ = {*store_, prefix + "n", o.channels};
    }

    static const transformer_options& checked(const transformer_options& o) {
        constexpr const char* function = "diffusion::nn::transformer";
        diffusion::detail::require(o.vocabulary > 0, function, "there must be a token",
                                   o.vocabulary);
        diffusion::detail::require(o.length > 0, function, "a caption must have a token", o.length);
        diffusion::detail::require(o.heads > 0 && o.channels > 0 && o.channels % o.heads == 0,
                                   function, "the number of heads must divide the channels",
                                   o.heads);
        diffusion::detail::require(
            o.positions != token_positions::sinusoidal || o.channels % 2 == 0, function,
            "sinusoidal positions need an even number of channels", o.channels);
        diffusion::detail::require(o.blocks > 0, function, "there must be a block", o.blocks);
        diffusion::detail::require(o.ratio > 0, function,
                                   "the perceptrons must have a hidden channel", o.ratio);
        return o;
    }

    var<T> add_positions(const var<T>& x) const {
        const std::size_t length = x.shape().width, channels = options_.channels;
        switch (options_.positions) {
            case token_positions::learned:
                return add_to_items(x, slice(x.tape().use(position_.weight), 0, length * channels));
            case token_positions::sinusoidal:
                return add_to_items(x, sincos_positions(x.tape(), length, channels));
            case token_positions::none:
                break;
        }
        return x;
    }

    transformer_options options_;
    std::unique_ptr<nn::parameters<T>> own_;  // unless they are another's
    nn::parameters<T>* store_;
    embedding_layer<T> token_, position_;
    std::vector<transformer_block<T>> blocks_;
    layer_norm_layer<T> n_;
};

}  // namespace diffusion::nn
