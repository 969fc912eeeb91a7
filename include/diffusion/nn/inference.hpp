#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <span>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// out = net(x, t, labels) without recording, the items shared out to the threads of `lanes`.
///
/// x and out have s.size() elements in the order item, row, column, channel; `t` one time for each
/// item or one for all; `labels` one for each item, one for all, or none; `given` what else the
/// network is told of each item. `net` is called as `ask` does, and returns a var of the shape of
/// x, or one with twice the channels: then the first half goes to `out`, and the second, what the
/// network says of the variance, to `v`, unless that is empty.
template <class Net, class T>
void evaluate(Net& net, lanes<T>& lanes, const shape& s, std::span<const T> x,
              std::span<const double> t, std::span<const std::size_t> labels, std::span<T> out,
              const condition_values<T>& given = {}, std::span<T> v = {}) {
    constexpr const char* function = "diffusion::nn::evaluate";
    const std::size_t image = s.pixels() * s.channels;
    diffusion::detail::require(x.size() == s.size(), function,
                               "x must have as many elements as the shape says", x.size());
    diffusion::detail::require(out.size() == s.size() && (v.empty() || v.size() == s.size()),
                               function, "out must have as many elements as the shape says",
                               out.size());
    diffusion::detail::require(t.size() == s.items || t.size() == 1, function,
                               "there must be one time for each item, or one for all", t.size());
    diffusion::detail::require(
        labels.empty() || labels.size() == s.items || labels.size() == 1, function,
        "there must be one label for each item, one for all, or none", labels.size());
    diffusion::detail::require(given.fits(s.items), function,
                               "there must be conditions for each item", s.items);
    net.parameters().prepare(false);
    lanes.evaluate(s.items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
        const var<T> in =
            tape.constant({count, s.height, s.width, s.channels}, x.data() + first * image);
        const conditions<T> told = given.on(
            tape, first, count, labels.size() <= 1 ? labels : labels.subspan(first, count));
        const var<T> y = ask(net, in, t.size() == 1 ? t : t.subspan(first, count), told);
        const std::size_t channels = y.shape().channels;
        diffusion::detail::require_shapes(
            y.shape() == in.shape().with_channels(channels) &&
                (channels == 2 * s.channels || (channels == s.channels && v.empty())),
            function,
            v.empty() ? "the network must return the shape of its input"
                      : "the network must return the shape of its input with twice the channels",
            y.shape(), in.shape());
        for (std::size_t p = 0; p < y.shape().rows(); ++p) {
            const T* row = y.data() + p * channels;
            const std::size_t to = first * image + p * s.channels;
            std::copy_n(row, s.channels, out.data() + to);
            if (!v.empty()) std::copy_n(row + s.channels, s.channels, v.data() + to);
        }
    });
}

/// A network as the callable that the denoisers want: m(x, t, out), or out = m(x, t), for any X
/// with data() and size() that holds whole images; m(x, t, out, v) of one with learned variance.
/// Refers to the net and the lanes; owns its labels and other conditions.
template <class Net, class T>
class network_view {
public:
    /// `labels`: one for each image of x, or one for all, or none, which means the null label.
    /// `given`: what else the network is told of each image of x.
    network_view(Net& net, nn::lanes<T>& lanes, std::size_t height, std::size_t width,
                 std::vector<std::size_t> labels = {}, condition_values<T> given = {})
        : net_(&net),
          lanes_(&lanes),
          height_(height),
          width_(width),
          labels_(std::move(labels)),
          given_(std::move(given)) {}

    template <class X>
    void operator()(const X& x, double t, X& out) const {
        run(x, t, out, {});
    }

    template <class X>
    void operator()(const X& x, double t, X& out, X& v) const {
        run(x, t, out, std::span<T>(v.data(), static_cast<std::size_t>(v.size())));
    }

    template <class X>
    X operator()(const X& x, double t) const {
        X out = x;
        (*this)(x, t, out);
        return out;
    }

private:
    template <class X>
    void run(const X& x, double t, X& out, std::span<T> v) const {
        const std::size_t size = static_cast<std::size_t>(x.size());
        const std::size_t channels = net_->channels();
        const std::size_t image = height_ * width_ * channels;
        diffusion::detail::require(image > 0 && size % image == 0, "diffusion::nn::network_view",
                                   "x must hold whole images", size);
        evaluate(*net_, *lanes_, {size / image, height_, width_, channels},
                 std::span<const T>(x.data(), size), std::span<const double>(&t, 1),
                 std::span<const std::size_t>(labels_),
                 std::span<T>(out.data(), static_cast<std::size_t>(out.size())), given_, v);
    }

protected:
    Net* net_;
    nn::lanes<T>* lanes_;
    std::size_t height_, width_;
    std::vector<std::size_t> labels_;
    condition_values<T> given_;
};

/// The callable form of `net` for images of height x width. See `network_view`.
template <class Net, class T>
network_view<Net, T> as_network(Net& net, lanes<T>& lanes, std::size_t height, std::size_t width,
                                std::vector<std::size_t> labels = {},
                                condition_values<T> given = {}) {
    return {net, lanes, height, width, std::move(labels), std::move(given)};
}

}  // namespace diffusion::nn
