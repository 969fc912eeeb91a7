#pragma once

#include <cstddef>
#include <diffusion/nn/checkpoint.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/unet/blocks.hpp>
#include <diffusion/nn/unet/options.hpp>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// One entry of the way down, or what is behind the concatenation on the way up: a residual block,
/// perhaps with attention, or a convolution that halves the resolution.
template <class T>
struct unet_stage {
    std::vector<residual_block<T>> block = {};             // none or one
    std::vector<attention_block<T>> attention = {};        // none or one
    std::vector<cross_attention_block<T>> to_tokens = {};  // none or one
    conv2d<T> half = {};

    /// A stage of a block `name`.0, with `attends` self-attention `name`.1 and, if the net knows
    /// tokens, cross-attention `name`.2.
    static unet_stage of_block(parameters<T>& store, const std::string& name, std::size_t in,
                               std::size_t out, bool attends, const unet_options& o,
                               bool reads_map = false) {
        unet_stage s;
        s.block.emplace_back(store, name + ".0", in, out, o, reads_map);
        if (attends) s.attention.emplace_back(store, name + ".1", out, o);
        if (attends && o.token_channels > 0) s.to_tokens.emplace_back(store, name + ".2", out, o);
        return s;
    }

    /// `map`: what is given as such, in the size of x.
    var<T> operator()(const var<T>& x, const var<T>& emb, const conditions<T>& given,
                      const var<T>& map = {}) const {
        if (half) return half(x);
        var<T> h = block[0](x, emb, map);
        if (!attention.empty()) h = attention[0](h);
        if (!to_tokens.empty()) h = to_tokens[0](h, given.tokens, given.token_mask);
        return h;
    }
};

/// One step of the way up: perhaps doubles the resolution, then joins what the left side kept, and
/// runs a stage.
template <class T>
struct unet_ascent {
    conv2d<T> doubled =
        {};  // of the image made twice as large; empty in a step that keeps its size
    unet_stage<T> stage = {};

    var<T> operator()(var<T> h, var<T> kept, const var<T>& emb, const conditions<T>& given,
                      const var<T>& map) const {
        if (doubled) h = doubled(h);
        h = concat(h, std::exchange(kept, {}));
        return stage(h, emb, given, map);
    }
};

/// f(x, inputs...), computed twice in a net that is to be frugal with memory: see `checkpointed`.
template <class F, class T, class... Inputs>
var<T> piece(bool frugal, F f, var<T> x, Inputs... inputs) {
    if (frugal) return checkpointed(std::move(f), x, inputs...);
    return f(std::move(x), std::move(inputs)...);
}

}  // namespace diffusion::nn
