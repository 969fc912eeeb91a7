#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <span>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// out = net(x, t, labels) without recording, the items shared out to the threads of `lanes`.
///
/// x and out have s.size() elements in the order item, row, column, channel; `t` one time for each
/// item or one for all; `labels` one for each item, one for all, or none. `net` is called as
/// net(var x, span of t, span of labels) and returns a var of the shape of x.
template <class Net, class T>
void evaluate(Net& net, lanes<T>& lanes, const shape& s, std::span<const T> x,
              std::span<const double> t, std::span<const std::size_t> labels, std::span<T> out) {
    const std::size_t image = s.pixels() * s.channels;
    diffusion::detail::require(x.size() == s.size(), "diffusion::nn::evaluate",
                               "x must have as many elements as the shape says", x.size());
    diffusion::detail::require(out.size() == s.size(), "diffusion::nn::evaluate",
                               "out must have as many elements as the shape says", out.size());
    diffusion::detail::require(t.size() == s.items || t.size() == 1, "diffusion::nn::evaluate",
                               "there must be one time for each item, or one for all", t.size());
    diffusion::detail::require(
        labels.empty() || labels.size() == s.items || labels.size() == 1, "diffusion::nn::evaluate",
        "there must be one label for each item, one for all, or none", labels.size());
    net.parameters().prepare(false);
    lanes.evaluate(s.items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
        const var<T> in =
            tape.constant({count, s.height, s.width, s.channels}, x.data() + first * image);
        const var<T> y = net(in, t.size() == 1 ? t : t.subspan(first, count),
                             labels.size() <= 1 ? labels : labels.subspan(first, count));
        diffusion::detail::require_shapes(y.shape() == in.shape(), "diffusion::nn::evaluate",
                                          "the network must return the shape of its input",
                                          y.shape(), in.shape());
        std::copy_n(y.data(), count * image, out.data() + first * image);
    });
}

/// A network as the callable that the denoisers want: m(x, t, out), or out = m(x, t), for any X
/// with data() and size() that holds whole images. Refers to the net and the lanes; owns its
/// labels.
template <class Net, class T>
class network_view {
public:
    /// `labels`: one for each image of x, or one for all, or none, which means the null label.
    network_view(Net& net, nn::lanes<T>& lanes, std::size_t height, std::size_t width,
                 std::vector<std::size_t> labels = {})
        : net_(&net), lanes_(&lanes), height_(height), width_(width), labels_(std::move(labels)) {}

    template <class X>
    void operator()(const X& x, double t, X& out) const {
        const std::size_t size = static_cast<std::size_t>(x.size());
        const std::size_t channels = net_->channels();
        const std::size_t image = height_ * width_ * channels;
        diffusion::detail::require(size % image == 0, "diffusion::nn::network_view",
                                   "x must hold whole images", size);
        evaluate(*net_, *lanes_, {size / image, height_, width_, channels},
                 std::span<const T>(x.data(), size), std::span<const double>(&t, 1),
                 std::span<const std::size_t>(labels_), std::span<T>(out.data(), size));
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

/// The callable form of `net` for images of height x width. See `network_view`.
template <class Net, class T>
network_view<Net, T> as_network(Net& net, lanes<T>& lanes, std::size_t height, std::size_t width,
                                std::vector<std::size_t> labels = {}) {
    return {net, lanes, height, width, std::move(labels)};
}

}  // namespace diffusion::nn
