#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/time_label_embedding.hpp>
#include <diffusion/nn/unet/blocks.hpp>
#include <diffusion/nn/unet/options.hpp>
#include <diffusion/nn/unet/stage.hpp>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The left half of a U-Net and its bottom, as far as the middle:
///
///     level 0  x - inp - block
///           1              \ half - block
///           2                         \ half - block - m1 - ma - m2
template <class T>
class unet_encoder {
public:
    /// `function`: in whose name exceptions speak, as for `check`.
    unet_encoder(parameters<T>& store, const unet_options& o, const char* function) : options_(o) {
        detail::check_unet_options(o, function);
        const std::size_t levels = o.multipliers.size();
        embedding_ = {store, {.channels = o.base, .factor = o.time_factor}, 4 * o.base, o.classes};
        inp_ = {store, "inp", o.image_channels + o.extra_channels, o.base};
        std::size_t c = o.base;
        kept_ = {c};
        const auto name = [&] { return "down." + std::to_string(stages_.size()); };
        for (std::size_t l = 0; l < levels; ++l) {
            const std::size_t out = o.base * o.multipliers[l];
            for (std::size_t i = 0; i < o.blocks; ++i) {
                stages_.push_back(stage::of_block(store, name(), c, out, o.attention[l], o));
                kept_.push_back(c = out);
            }
            if (l + 1 < levels) {
                stages_.push_back({.half = conv2d<T>(store, name(), c, c, 3, 2)});
                kept_.push_back(c);
            }
        }
        middle_.emplace_back(store, "m1", c, c, o);
        attention_.emplace_back(store, "ma", c, o);
        if (o.token_channels > 0) to_tokens_.emplace_back(store, "mx", c, o);
        middle_.emplace_back(store, "m2", c, c, o);
    }

    /// Channels of what `keep` is given, in that order.
    const std::vector<std::size_t>& kept() const { return kept_; }

    /// See `time_label_embedding`.
    var<T> embed(const var<T>& x, std::span<const double> t,
                 std::span<const std::size_t> labels) const {
        return embedding_(x.tape(), x.shape().items, t, labels);
    }

    /// The values of the middle, {items, height / 2^(levels - 1), width / 2^(levels - 1),
    /// channels}; `keep` is called with the result of inp and of each stage.
    template <class Keep>
    var<T> operator()(const var<T>& x, const var<T>& emb, const conditions<T>& given,
                      Keep&& keep) const {
        var<T> h = inp_(given.image ? concat(x, given.image) : x);
        keep(h);
        for (const stage& s : stages_) {
            h = piece(options_.checkpoint && !s.half, std::cref(s), std::move(h), emb, given);
            keep(h);
        }
        const auto middle = [this](var<T> v, const var<T>& e, const conditions<T>& told) {
            v = attention_[0](middle_[0](v, e));
            if (!to_tokens_.empty()) v = to_tokens_[0](v, told.tokens, told.token_mask);
            return middle_[1](v, e);
        };
        return piece(options_.checkpoint, middle, std::move(h), emb, given);
    }

    /// Throws std::invalid_argument unless x and what is `given` are what this net wants.
    void check(const nn::shape& x, const conditions<T>& given, const char* function) const {
        const unet_options& o = options_;
        const std::size_t unit = std::size_t{1} << (o.multipliers.size() - 1);
        if (x.channels != o.image_channels || x.height % unit != 0 || x.width % unit != 0)
            diffusion::detail::reject(function,
                                      "x must have image_channels, and a height and width "
                                      "divisible by 2^(levels - 1)",
                                      to_string(x));
        diffusion::detail::require(given.labels.empty() || o.classes > 0, function,
                                   "labels need a net with classes", given.labels.size());
        const std::size_t length =
            given.tokens ? std::max<std::size_t>(given.tokens.shape().width, 1) : 1;
        detail::check_condition(given.tokens, {x.items, 1, length, o.token_channels}, function,
                                "tokens need a net with token_channels",
                                "this net wants tokens {items, 1, length, token_channels}");
        detail::check_condition(given.image, x.with_channels(o.extra_channels), function,
                                "an image needs a net with extra_channels",
                                "this net wants an image {items, height, width, extra_channels}");
        detail::check_condition(given.map, x.with_channels(o.map_channels), function,
                                "a map needs a net with map_channels",
                                "this net wants a map {items, height, width, map_channels}");
        diffusion::detail::require(!given.token_mask || given.tokens, function,
                                   "a token_mask needs tokens", "none");
    }

private:
    using stage = unet_stage<T>;

    unet_options options_;
    time_label_embedding<T> embedding_;
    conv2d<T> inp_;
    std::vector<stage> stages_;
    std::vector<std::size_t> kept_;
    std::vector<residual_block<T>> middle_;            // two
    std::vector<attention_block<T>> attention_;        // one
    std::vector<cross_attention_block<T>> to_tokens_;  // none or one
};

}  // namespace diffusion::nn
