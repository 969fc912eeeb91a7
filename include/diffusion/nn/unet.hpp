#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/time_embedding.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The sizes of a U-Net. The default is a net of 1.1 million parameters for images of 28x28 pixels.
struct unet_options {
    std::size_t image_channels = 1;
    std::size_t base = 32;                             ///< channels at full resolution
    std::vector<std::size_t> multipliers = {1, 2, 2};  ///< channels of each level, in units of base
    std::size_t blocks = 1;                            ///< residual blocks per level going down
    std::vector<bool> attention = {false, false, true};  ///< levels with self-attention
    std::size_t heads = 1;
    std::size_t groups = 8;   ///< of the group norms
    std::size_t classes = 0;  ///< 0: unconditional; the label `classes` means "no label"
    bool zero_last = true;    ///< residual branches and the output start at zero
    double time_factor = 1;   ///< multiplies t: 1000 for a time in [0, 1]
};

/// Group norm, SiLU, convolution, twice, around which the input is added; the embedding of time and
/// class comes in between: x + c2(silu(n2(c1(silu(n1(x))) + e(silu(emb))))) (Ho et al. 2020, app.
/// B).
template <class T>
struct residual_block {
    group_norm_layer<T> n1, n2;
    conv2d<T> c1, c2, k;  // k: 1x1, where the number of channels changes
    linear_layer<T> e;

    residual_block(parameters<T>& store, const std::string& name, std::size_t in, std::size_t out,
                   std::size_t embedding, const unet_options& o)
        : n1(store, name + ".n1", in, {.groups = o.groups, .with_silu = true}),
          n2(store, name + ".n2", out, {.groups = o.groups, .with_silu = true}),
          c1(store, name + ".c1", in, out),
          c2(store, name + ".c2", out, out, 3, 1, o.zero_last),
          e(store, name + ".e", embedding, out) {
        if (in != out) k = conv2d<T>(store, name + ".k", in, out, 1);
    }

    /// `emb`: SiLU of the embedding.
    var<T> operator()(const var<T>& x, const var<T>& emb) const {
        const var<T> h = n2(c1(n1(x)), e(emb));  // n2 adds e(emb) to its input, and ends with SiLU
        return k ? add(c2(h), k(x)) : add(c2(h), x);
    }
};

/// Self-attention over the pixels, around which the input is added.
template <class T>
struct attention_block {
    group_norm_layer<T> n;
    conv2d<T> q, o;  // q: queries, keys and values
    std::size_t heads;

    attention_block(parameters<T>& store, const std::string& name, std::size_t channels,
                    const unet_options& options)
        : n(store, name + ".n", channels, {.groups = options.groups}),
          q(store, name + ".q", channels, 3 * channels, 1),
          o(store, name + ".o", channels, channels, 1, 1, options.zero_last),
          heads(options.heads) {}

    var<T> operator()(const var<T>& x) const { return add(o(self_attention(q(n(x)), heads)), x); }
};

/// The U-Net of denoising diffusion (Ronneberger et al. 2015, fig. 1; Ho et al. 2020, app. B):
///
///     levels   0  x - inp - block ------------------------------------ block block - out
///              1        \ half - block ---------------- block block - double /
///              2               \ half - block - middle - block block - double /
///
/// Each output of the left side is kept and concatenated to the input of a block on the right.
/// `half` is a convolution with stride 2, `double` nearest up-sampling and a convolution. Height
/// and width must be divisible by 2^(levels - 1). Parameter names: te.0, te.2, label, inp,
/// down.I.0.n1, ..., m1, ma, m2, up.I.0.n1, ..., n, out, as in the PyTorch file among the
/// benchmarks.
template <class T>
class unet {
public:
    explicit unet(unet_options options, std::uint64_t seed = 0)
        : options_(std::move(options)), store_(std::make_unique<nn::parameters<T>>(seed)) {
        const unet_options& o = options_;
        const std::size_t levels = o.multipliers.size(), embedding = 4 * o.base;
        diffusion::detail::require(levels > 0, "diffusion::nn::unet", "there must be a level",
                                   levels);
        diffusion::detail::require(o.attention.size() == levels, "diffusion::nn::unet",
                                   "attention needs one entry for each level", o.attention.size());
        nn::parameters<T>& p = *store_;
        te0_ = {p, "te.0", o.base, embedding};
        te2_ = {p, "te.2", embedding, embedding};
        if (o.classes > 0) label_ = {p, "label", o.classes + 1, embedding};
        inp_ = {p, "inp", o.image_channels, o.base};

        std::size_t c = o.base;
        std::vector<std::size_t> kept = {c};
        const auto down_name = [&] { return "down." + std::to_string(down_.size()); };
        const auto up_name = [&] { return "up." + std::to_string(up_.size()); };
        for (std::size_t l = 0; l < levels; ++l) {
            const std::size_t out = o.base * o.multipliers[l];
            for (std::size_t i = 0; i < o.blocks; ++i) {
                down_.push_back(make_stage(down_name(), c, out, o.attention[l]));
                kept.push_back(c = out);
            }
            if (l + 1 < levels) {
                const std::string name = down_name();
                down_.push_back(stage{.resample = conv2d<T>(p, name, c, c, 3, 2)});
                kept.push_back(c);
            }
        }
        diffusion::detail::require(down_.size() <= most_stages, "diffusion::nn::unet",
                                   "there may be at most 63 stages on the way down", down_.size());
        middle_.push_back(make_block("m1", c, c));
        middle_attention_.emplace_back(p, "ma", c, o);
        middle_.push_back(make_block("m2", c, c));
        for (std::size_t l = levels; l-- > 0;) {
            const std::size_t out = o.base * o.multipliers[l];
            for (std::size_t i = 0; i < o.blocks + 1; ++i) {
                up_.push_back(make_stage(up_name(), c + kept.back(), out, o.attention[l]));
                kept.pop_back();
                c = out;
            }
            if (l > 0) {
                const std::string name = up_name();
                up_.push_back(stage{.resample = conv2d<T>(p, name, c, c)});
            }
        }
        n_ = {p, "n", c, {.groups = o.groups, .with_silu = true}};
        out_ = {p, "out", c, o.image_channels, 3, 1, o.zero_last};
    }

    /// The prediction for x {items, height, width, image channels} at the times `t`, one for each
    /// item or one for all, in the unit in which the net was trained; labels likewise (none: the
    /// null label).
    var<T> operator()(const var<T>& x, std::span<const double> t,
                      std::span<const std::size_t> labels = {}) const {
        check(x.shape(), labels);
        const var<T> emb = embed(x.tape(), x.shape().items, t, labels);
        std::array<var<T>, most_stages + 1> kept;  // not a vector: a step allocates nothing
        std::size_t count = 0;
        var<T> h = kept[count++] = inp_(x);
        for (const stage& s : down_)
            h = kept[count++] = s.resample ? s.resample(h) : run(s, h, emb);
        h = middle_[1](middle_attention_[0](middle_[0](h, emb)), emb);
        for (const stage& s : up_) {
            if (s.resample) {
                h = s.resample(upsample_nearest(h));
            } else {
                h = run(s, concat(h, std::exchange(kept[--count], {})), emb);
            }
        }
        return out_(n_(h));
    }

    const unet_options& options() const { return options_; }

    /// Channels of one position of x.
    std::size_t channels() const { return options_.image_channels; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    static constexpr std::size_t most_stages = 63;

    /// One entry of the way down or up: a residual block, perhaps with attention, or a convolution
    /// that halves the resolution or follows its doubling.
    struct stage {
        std::vector<residual_block<T>> block = {};       // none or one
        std::vector<attention_block<T>> attention = {};  // none or one
        conv2d<T> resample = {};
    };

    residual_block<T> make_block(const std::string& name, std::size_t in, std::size_t out) {
        return {*store_, name, in, out, 4 * options_.base, options_};
    }
    stage make_stage(const std::string& name, std::size_t in, std::size_t out, bool attention) {
        stage s;
        s.block.push_back(make_block(name + ".0", in, out));
        if (attention) s.attention.emplace_back(*store_, name + ".1", out, options_);
        return s;
    }
    var<T> run(const stage& s, const var<T>& x, const var<T>& emb) const {
        const var<T> h = s.block[0](x, emb);
        return s.attention.empty() ? h : s.attention[0](h);
    }

    /// SiLU of the embedding of time and class, with which every residual block begins.
    var<T> embed(nn::tape<T>& tape, std::size_t items, std::span<const double> t,
                 std::span<const std::size_t> labels) const {
        var<T> e = time_embedding(tape, items, t,
                                  {.channels = options_.base, .factor = options_.time_factor});
        e = te2_(silu(te0_(e)));
        if (options_.classes > 0) {
            if (labels.empty()) labels = {&options_.classes, 1};  // the null label, for all
            e = add(std::move(e), label_(tape, items, labels));
        }
        return silu(e);
    }

    void check(const nn::shape& s, std::span<const std::size_t> labels) const {
        const std::size_t unit = std::size_t{1} << (options_.multipliers.size() - 1);
        if (s.channels != options_.image_channels || s.height % unit != 0 || s.width % unit != 0)
            diffusion::detail::reject(
                "diffusion::nn::unet",
                "x must have image_channels, and a height and width divisible "
                "by 2^(levels - 1)",
                to_string(s));
        diffusion::detail::require(labels.empty() || options_.classes > 0, "diffusion::nn::unet",
                                   "labels need a net with classes", labels.size());
    }

    unet_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    linear_layer<T> te0_, te2_;
    embedding_layer<T> label_;
    conv2d<T> inp_;
    std::vector<stage> down_;
    std::vector<residual_block<T>> middle_;
    std::vector<attention_block<T>> middle_attention_;
    std::vector<stage> up_;
    group_norm_layer<T> n_;
    conv2d<T> out_;
};

}  // namespace diffusion::nn
