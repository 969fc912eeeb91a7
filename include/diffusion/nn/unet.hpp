#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/unet/encoder.hpp>
#include <diffusion/nn/unet/options.hpp>
#include <diffusion/nn/unet/stage.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The U-Net of denoising diffusion (Ronneberger et al. 2015, fig. 1; Ho et al. 2020, app. B):
///
///     levels   0  x - inp - block ------------------------------------ block block - out
///              1        \ half - block ---------------- block block - double /
///              2               \ half - block - middle - block block - double /
///
/// Each output of the left side is kept and concatenated to the input of a block on the right.
/// `half` is a convolution with stride 2, `double` nearest up-sampling and a convolution. Height
/// and width must be divisible by 2^(levels - 1).
///
/// What it can be told, each by its option: a class, added to the time; a caption's tokens, which
/// the pixels ask by cross-attention after each self-attention and in the middle; an image beside x
/// (Saharia et al. 2022: what is to be enlarged, filled or coloured); a map of labels, averaged to
/// the size of each level, through SPADE in the blocks of the right side (Wang et al. 2022).
///
/// With `learned_variance` twice the image channels come out: first the prediction, then v between
/// -1 and 1, the place of log variance between its bounds (Nichol and Dhariwal 2021, eq. 15; see
/// `diffusion::learned_variance`).
///
/// Parameter names: te.0, te.2, label, inp, down.I.0.n1, ..., m1, ma, mx, m2, up.I.0.n1, ..., n,
/// out, as in the PyTorch file among the benchmarks.
template <class T>
class unet {
public:
    explicit unet(unet_options options, std::uint64_t seed = 0)
        : options_(std::move(options)),
          store_(std::make_unique<nn::parameters<T>>(seed)),
          encoder_(*store_, options_, "diffusion::nn::unet") {
        const unet_options& o = options_;
        nn::parameters<T>& p = *store_;
        const std::size_t levels = o.multipliers.size();
        std::vector<std::size_t> kept = encoder_.kept();
        std::size_t c = kept.back(), index = 0;
        const auto name = [&] { return "up." + std::to_string(index++); };
        for (std::size_t l = levels; l-- > 0;) {
            const std::size_t out = o.base * o.multipliers[l];
            for (std::size_t i = 0; i < o.blocks + 1; ++i) {
                unet_ascent<T>& s = up_.emplace_back();
                if (i == 0 && l + 1 < levels) s.doubled = conv2d<T>::of_doubled(p, name(), c, c);
                s.stage = unet_stage<T>::of_block(p, name(), c + kept.back(), out, o.attention[l],
                                                  o, o.map_channels > 0);
                kept.pop_back();
                c = out;
            }
        }
        n_ = {p, "n", c, {.groups = o.groups, .with_silu = true}};
        out_ = {p, "out", c, (o.learned_variance ? 2 : 1) * o.image_channels, 3, 1, o.zero_last};
    }

    /// The prediction for x {items, height, width, image channels} at the times `t`, one for each
    /// item or one for all, in the unit in which the net was trained; labels likewise (none: the
    /// null label).
    var<T> operator()(const var<T>& x, std::span<const double> t,
                      std::span<const std::size_t> labels = {}) const {
        return (*this)(x, t, conditions<T>{.labels = labels});
    }

    /// The same with all that the net is told: `net(x, t, {.tokens = caption})`. Throws
    /// std::invalid_argument if something is missing, unknown to this net, or of the wrong shape.
    var<T> operator()(const var<T>& x, std::span<const double> t,
                      const conditions<T>& given) const {
        encoder_.check(x.shape(), given, "diffusion::nn::unet");
        const var<T> emb = encoder_.embed(x, t, given.labels);
        std::array<var<T>, most + 1> kept, maps;  // not vectors: a step allocates nothing
        std::size_t count = 0, level = 0;
        var<T> h = encoder_(x, emb, given, [&](const var<T>& value) { kept[count++] = value; });
        if (given.map)
            for (maps[0] = given.map; level + 1 < options_.multipliers.size(); ++level)
                maps[level + 1] = average_pool(maps[level]);
        for (const unet_ascent<T>& s : up_) {
            if (given.map && s.doubled) maps[level--] = {};
            h = piece(options_.checkpoint, std::cref(s), std::move(h),
                      std::exchange(kept[--count], {}), emb, given, maps[level]);
        }
        const auto last = [this](const var<T>& v) { return out_(n_(v)); };
        return piece(options_.checkpoint, last, std::move(h));
    }

    const unet_options& options() const { return options_; }

    /// Channels of one position of x.
    std::size_t channels() const { return options_.image_channels; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    static constexpr std::size_t most = detail::most_unet_stages;

    unet_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    unet_encoder<T> encoder_;
    std::vector<unet_ascent<T>> up_;
    group_norm_layer<T> n_;
    conv2d<T> out_;
};

}  // namespace diffusion::nn
