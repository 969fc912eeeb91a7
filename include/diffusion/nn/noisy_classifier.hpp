#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/tape.hpp>
#include <diffusion/nn/unet/encoder.hpp>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// How a classifier makes one vector of those of all positions: their mean, or one step of
/// attention in which the mean asks the positions.
enum class pooling { mean, attention };

/// The sizes of a `noisy_classifier`; those of the U-Net's left half mean the same as there.
struct noisy_classifier_options {
    std::size_t image_channels = 1;
    std::size_t base = 32;
    std::vector<std::size_t> multipliers = {1, 2, 2};
    std::size_t blocks = 1;
    std::vector<bool> attention = {false, false, true};
    std::size_t heads = 1;
    std::size_t groups = 8;
    std::size_t classes = 10;
    pooling pool = pooling::attention;
    double time_factor = 1;
};

/// A classifier of noisy images: the logits of p(y | x_t), for classifier guidance (Dhariwal and
/// Nichol 2021, section 4). The left half of a `unet`, its middle, a group norm with SiLU, a
/// pooling and a linear layer:
///
///     x - inp - block - half - block - half - block - middle - n - pool - out
///
/// The attention pooling is that of Radford et al. (2021, section 2.3) without their table of
/// positions, so that an image may have any size; convolutions with zeros around the image know
/// where they are. Parameter names: those of the U-Net as far as the middle, then n, pool.q,
/// pool.kv, out.
template <class T>
class noisy_classifier {
public:
    explicit noisy_classifier(noisy_classifier_options options, std::uint64_t seed = 0)
        : options_(std::move(options)),
          store_(std::make_unique<nn::parameters<T>>(seed)),
          encoder_(*store_,
                   unet_options{.image_channels = options_.image_channels,
                                .base = options_.base,
                                .multipliers = options_.multipliers,
                                .blocks = options_.blocks,
                                .attention = options_.attention,
                                .heads = options_.heads,
                                .groups = options_.groups,
                                .time_factor = options_.time_factor},
                   "diffusion::nn::noisy_classifier") {
        diffusion::detail::require(options_.classes > 1, "diffusion::nn::noisy_classifier",
                                   "there must be at least two classes", options_.classes);
        const std::size_t c = encoder_.kept().back();
        n_ = {*store_, "n", c, {.groups = options_.groups, .with_silu = true}};
        if (options_.pool == pooling::attention) {
            q_ = {*store_, "pool.q", c, c};
            kv_ = {*store_, "pool.kv", c, 2 * c};
        }
        out_ = {*store_, "out", c, options_.classes};
    }

    /// The logits {items, 1, 1, classes} for x {items, height, width, image channels} at the times
    /// `t`, one for each item or one for all.
    var<T> operator()(const var<T>& x, std::span<const double> t) const {
        encoder_.check(x.shape(), {}, "diffusion::nn::noisy_classifier");
        const var<T> h = n_(encoder_(x, encoder_.embed(x, t, {}), {}, [](const var<T>&) {}));
        const var<T> mean = global_average_pool(h);
        if (options_.pool == pooling::mean) return out_(mean);
        return out_(cross_attention(q_(mean), kv_(h), options_.heads, {.name = "pool"}));
    }

    const noisy_classifier_options& options() const { return options_; }

    /// Channels of one position of x.
    std::size_t channels() const { return options_.image_channels; }

    /// All parameters by name, their values and gradient.
    nn::parameters<T>& parameters() { return *store_; }
    const nn::parameters<T>& parameters() const { return *store_; }

private:
    noisy_classifier_options options_;
    std::unique_ptr<nn::parameters<T>> store_;
    unet_encoder<T> encoder_;
    group_norm_layer<T> n_;
    linear_layer<T> q_, kv_, out_;
};

/// grad_x log p(y | x_t) of a classifier, as the callable g(x, t, out), or out = g(x, t), that
/// `classifier_guided` wants, for any X with data() and size() that holds whole images:
///
///     class_gradient(net, lanes, 28, 28, {7})
///
/// The images are shared out to the threads; a call allocates nothing after the first. `net` is
/// called as net(var x, span of t) and returns logits {items, 1, 1, classes}. Refers to the net and
/// the lanes; owns the labels.
template <class Net, class T>
class class_gradient {
public:
    /// `labels`: y, one for each image, or one for all.
    class_gradient(Net& net, nn::lanes<T>& lanes, std::size_t height, std::size_t width,
                   std::vector<std::size_t> labels)
        : net_(&net), lanes_(&lanes), height_(height), width_(width), labels_(std::move(labels)) {}

    template <class X>
    void operator()(const X& x, double t, X& out) const {
        constexpr const char* function = "diffusion::nn::class_gradient";
        const std::size_t size = static_cast<std::size_t>(x.size()), channels = net_->channels();
        const std::size_t image = height_ * width_ * channels;
        const std::size_t items = image > 0 ? size / image : 0;
        diffusion::detail::require(
            items * image == size && static_cast<std::size_t>(out.size()) == size, function,
            "x and out must hold the same number of whole images", size);
        diffusion::detail::require(labels_.size() == items || labels_.size() == 1, function,
                                   "there must be one label for each image, or one for all",
                                   labels_.size());
        net_->parameters().prepare(true);
        lanes_->evaluate(items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
            const scoped_mode<T> on(tape, {.recording = true, .collecting = false});
            const var<T> in =
                tape.input({count, height_, width_, channels}, x.data() + first * image);
            const var<T> logits = (*net_)(in, std::span<const double>(&t, 1));
            const std::size_t classes = logits.shape().channels;
            arena_block<T> seed(tape.memory(), logits.size());
            for (std::size_t n = 0; n < count; ++n) {  // d log p_y / d logits = e_y - softmax
                const std::size_t y = labels_[labels_.size() == 1 ? 0 : first + n];
                diffusion::detail::require(y < classes, function,
                                           "a label must be one of the classes", y);
                const T* row = logits.data() + n * classes;
                const double norm = detail::log_sum_exp(row, classes);
                for (std::size_t c = 0; c < classes; ++c)
                    seed[n * classes + c] = static_cast<T>(
                        (c == y ? 1 : 0) - std::exp(static_cast<double>(row[c]) - norm));
            }
            tape.backward(logits, std::span<const T>(seed.data(), seed.size()));
            std::ranges::copy(in.gradient(), out.data() + first * image);
        });
    }

    template <class X>
    X operator()(const X& x, double t) const {
        X out = x;
        (*this)(x, t, out);
        return out;
    }

private:
    Net* net_;
    nn::lanes<T>* lanes_;
    std::size_t height_, width_;
    std::vector<std::size_t> labels_;
};

}  // namespace diffusion::nn
