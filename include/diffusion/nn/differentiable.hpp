#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/conditions.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <diffusion/nn/vjp.hpp>
#include <span>
#include <utility>
#include <vector>

namespace diffusion::nn {

/// A `network_view` that also has the vector-Jacobian product, one pass forward and one back:
/// m.with_product(x, t, v, out, jv) writes out = net(x, t) and jv = J^T v, J = dout/dx. With it
/// predicts_noise(m) is a `differentiable_denoiser`, as `flow_likelihood` wants it:
///
///     flow_likelihood of(vp_sde{}, 1e-5, 1, trace_estimate::rademacher);
///     of(x, items, predicts_noise(nn::as_differentiable(net, lanes, 28, 28)), seed);
///
/// The items are shared out to the threads; the product of one does not depend on the others, if
/// the network does not mix them. For a network of one output for each element of x.
template <class Net, class T>
class differentiable_view : public network_view<Net, T> {
public:
    using network_view<Net, T>::network_view;

    template <class X>
    void with_product(const X& x, double t, const X& v, X& out, X& jv) const {
        constexpr const char* function = "diffusion::nn::as_differentiable";
        const std::size_t size = static_cast<std::size_t>(x.size()), channels = net_->channels();
        const std::size_t image = height_ * width_ * channels;
        diffusion::detail::require(image > 0 && size % image == 0, function,
                                   "x must hold whole images", size);
        for (const X* other : {&v, static_cast<const X*>(&out), static_cast<const X*>(&jv)})
            diffusion::detail::require(static_cast<std::size_t>(other->size()) == size, function,
                                       "v, out and jv must have the size of x",
                                       static_cast<std::size_t>(other->size()));
        const std::size_t items = size / image;
        diffusion::detail::require(labels_.size() <= 1 || labels_.size() == items, function,
                                   "there must be one label for each item, one for all, or none",
                                   labels_.size());
        diffusion::detail::require(given_.fits(items), function,
                                   "there must be conditions for each item", items);
        net_->parameters().prepare(true);
        lanes_->evaluate(items, [&](tape<T>& tape, std::size_t first, std::size_t count) {
            const std::span<const std::size_t> labels(labels_);
            const conditions<T> told = given_.on(
                tape, first, count, labels.size() <= 1 ? labels : labels.subspan(first, count));
            const std::size_t from = first * image, n = count * image;
            const var<T> in = tape.constant({count, height_, width_, channels}, x.data() + from);
            const auto [value, product] = vjp(
                [&](const var<T>& at) {
                    return ask(*net_, at, std::span<const double>(&t, 1), told);
                },
                in, std::span<const T>(v.data() + from, n));
            std::copy_n(value.data(), n, out.data() + from);
            std::copy_n(product.data(), n, jv.data() + from);
        });
    }

private:
    using base = network_view<Net, T>;
    using base::net_, base::lanes_, base::height_, base::width_, base::labels_, base::given_;
};

/// The callable form of `net` for images of height x width, with its vector-Jacobian product.
template <class Net, class T>
differentiable_view<Net, T> as_differentiable(Net& net, lanes<T>& lanes, std::size_t height,
                                              std::size_t width,
                                              std::vector<std::size_t> labels = {},
                                              condition_values<T> given = {}) {
    return {net, lanes, height, width, std::move(labels), std::move(given)};
}

}  // namespace diffusion::nn
