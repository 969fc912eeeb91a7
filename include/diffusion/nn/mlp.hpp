#pragma once

#include <cstddef>
#include <cstdint>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/time_label_embedding.hpp>
#include <memory>
#include <span>
#include <string>
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
        embed_ = {p, {.channels = o.time_channels, .factor = o.time_factor}, o.hidden, o.classes};
        for (std::size_t i = 0; i < o.layers; ++i) {
            const std::string name = "layer." + std::to_string(i);
            layers_.emplace_back(p, name, i == 0 ? o.in : o.hidden, o.hidden);
            times_.emplace_back(p, name + ".e", o.hidden, o.hidden);
        }
        out_ = {p, "out", o.hidden, o.out, true};
    }

    /// The prediction for x {items, 1, 1, in}, a var or a `dual`; t and labels as for `unet`.
    template <on_tape<T> X>
    X operator()(const X& x, std::span<const double> t,
                 std::span<const std::size_t> labels = {}) const {
        const var<T> e = embed_(x.tape(), x.shape().items, t, labels);
        X h = silu(add(layers_[0](x), times_[0](e)));
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
    time_label_embedding<T> embed_;
    std::vector<linear_layer<T>> layers_, times_;
    linear_layer<T> out_;
};

}  // namespace diffusion::nn
