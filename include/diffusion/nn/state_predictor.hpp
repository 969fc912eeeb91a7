#pragma once

#include <algorithm>
#include <cstddef>
#include <diffusion/detail/require.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/shape.hpp>
#include <span>

namespace diffusion::nn {

/// A network of states as the callable that categorical sampling and bounds want: `predict(x_t, t,
/// logits)` for whole items of height x width states, shared out to the threads of `lanes`, without
/// recording.
///
/// The network is called as `net(tape, states, shape, times)`, where the shape {items, height,
/// width, 1} is that of the states, and gives a var {items, height, width, K} of the logits of
/// p(x_0 | x_t). Refers to the net and the lanes.
template <class Net, class T>
class state_predictor {
public:
    state_predictor(Net& net, nn::lanes<T>& lanes, std::size_t height, std::size_t width)
        : net_(&net), lanes_(&lanes), height_(height), width_(width) {}

    void operator()(std::span<const std::size_t> x_t, std::size_t t,
                    std::span<double> logits) const {
        constexpr const char* function = "diffusion::nn::state_predictor";
        const std::size_t size = height_ * width_;
        diffusion::detail::require(size > 0 && !x_t.empty() && x_t.size() % size == 0, function,
                                   "x_t must hold whole items; its states", x_t.size());
        const std::size_t K = logits.size() / x_t.size();
        const double time = static_cast<double>(t);
        net_->parameters().prepare(false);
        lanes_->evaluate(x_t.size() / size, [&](auto& tape, std::size_t first, std::size_t count) {
            const nn::shape s{count, height_, width_, 1};
            const auto y = (*net_)(tape, x_t.subspan(first * size, count * size), s,
                                   std::span<const double>(&time, 1));
            diffusion::detail::require_shape(y.shape() == s.with_channels(K), function,
                                             "the network must give K logits for each state",
                                             y.shape());
            std::copy_n(y.data(), y.size(), logits.data() + first * size * K);
        });
    }

private:
    Net* net_;
    nn::lanes<T>* lanes_;
    std::size_t height_, width_;
};

}  // namespace diffusion::nn
