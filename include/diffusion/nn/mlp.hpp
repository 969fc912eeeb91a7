#pragma once

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/time_embedding.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// The sizes of a small network for points rather than images.
struct mlp_options {
    std::size_t in = 2;  ///< coordinates of a point
    std::size_t hidden = 128;
    std::size_t layers = 3;  ///< hidden layers
    std::size_t out = 2;
    std::size_t time_channels = 32;
    std::size_t classes = 0;  ///< 0: unconditional; the label `classes` means "no label"
    double time_factor = 1;   ///< multiplies t: 1000 for a time in [0, 1]
};

/// A multilayer perceptron with a time: h = SiLU(in(x) + time), then in each hidden layer
/// h = h + SiLU(layer(h) + time) with an own projection of the time embedding, then out(h).
///
/// Points are items of one pixel: {items, 1, 1, in}. The same interface as `unet`.
template <class T>
class mlp {
public:
    explicit mlp(const mlp_options& options = {}, std::uint64_t seed = 0)
        : options_(options), store_(std::make_unique<nn::parameters<T>>(seed)) {
        const mlp_options& o = options_;
        diffusion::detail::require(o.layers > 0, "diffusion::nn::mlp",
                                   "there must be a hidden layer", o.layers);
        nn::parameters<T>& p = *store_;
        te0_ = {p, "te.0", o.time_channels, o.hidden};
        te2_ = {p, "te.2", o.hidden, o.hidden};
        if (o.classes > 0) label_ = {p, "label", o.classes + 1, o.hidden};
        for (std::size_t i = 0; i < o.layers; ++i) {
            const std::string name = "layer." + std::to_string(i);
            layers_.emplace_back(p, name, i == 0 ? o.in : o.hidden, o.hidden);
            times_.emplace_back(p, name + ".e", o.hidden, o.hidden);
        }
        out_ = {p, "out", o.hidden, o.out, true};
    }

    /// The prediction for x {items, 1, 1, in}; t and labels as for `unet`.
    var<T> operator()(const var<T>& x, std::span<const double> t,
                      std::span<const std::size_t> labels = {}) const {
        diffusion::detail::require(labels.empty() || options_.classes > 0, "diffusion::nn::mlp",
                                   "labels need a net with classes", labels.size());
        nn::tape<T>& tape = x.tape();
        const std::size_t items = x.shape().items;
        var<T> e = time_embedding(
            tape, items, t, {.channels = options_.time_channels, .factor = options_.time_factor});
        e = te2_(silu(te0_(e)));
        if (options_.classes > 0) {
            if (labels.empty()) labels = {&options_.classes, 1};  // the null label, for all
            e = add(std::move(e), label_(tape, items, labels));
        }
        e = silu(e);
        var<T> h = silu(add(layers_[0](x), times_[0](e)));
        for (std::size_t i = 1; i < layers_.size(); ++i)
            h = add(silu(add(layers_[i](h), times_[i](e))), h);
        return out_(h);
    }

    const mlp_options& options() const { return options_; }

    /// Channels of one position of x.
    std::size_t channels() const { return options_.in; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    mlp_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    linear_layer<T> te0_, te2_;
    embedding_layer<T> label_;
    std::vector<linear_layer<T>> layers_, times_;
    linear_layer<T> out_;
};

}  // namespace diffusion::nn
