#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/nn/nn.hpp>

/// Networks that are shown states x_t and a time, and say how likely each state is at each place of
/// x_0: `net(tape, states, shape, times)` gives a var {items, height, width, K} of logits.
namespace examples {

/// For sentences: a transformer without a mask, each word sees all others; the time is added to the
/// words.
class sentence_net {
public:
    sentence_net(std::size_t states, std::size_t length, std::size_t blocks, std::uint64_t seed)
        : store_(seed),
          time_(store_, {.channels = 32}, channels_, 0),
          text_(store_, "text.",
                {.vocabulary = states, .length = length, .channels = channels_, .blocks = blocks}),
          out_(store_, "out", channels_, states, true),
          lengths_(most_, length) {}

    diffusion::nn::var<float> operator()(diffusion::nn::tape<float>& tape,
                                         std::span<const std::size_t> states,
                                         const diffusion::nn::shape& s,
                                         std::span<const double> times) const {
        namespace nn = diffusion::nn;
        const auto t = time_(tape, s.items, times, {});
        const auto x = nn::scale_shift(text_.embed(tape, states, s.items), {}, t);
        return out_(text_(x, std::span<const std::size_t>(lengths_).first(s.items)));
    }

    diffusion::nn::parameters<float>& parameters() { return store_; }

private:
    static constexpr std::size_t channels_ = 64, most_ = 256;  // the most items at once

    diffusion::nn::parameters<float> store_;
    diffusion::nn::time_label_embedding<float> time_;
    diffusion::nn::transformer<float> text_;
    diffusion::nn::linear_layer<float> out_;
    std::vector<std::size_t> lengths_;
};

/// For pictures: a U-Net with a channel for each state, which is 1 where the pixel has it. What
/// comes out are logits; or, for levels in an order, mean and scale of a logistic distribution, the
/// mean counted from x_t (Austin et al. 2021, appendix A.8).
class level_net {
public:
    level_net(std::size_t states, std::size_t base, std::uint64_t seed, bool logistic = false)
        : net_({.image_channels = states, .base = base}, seed), logistic_(logistic) {}

    diffusion::nn::var<float> operator()(diffusion::nn::tape<float>& tape,
                                         std::span<const std::size_t> states,
                                         const diffusion::nn::shape& s,
                                         std::span<const double> times) const {
        namespace nn = diffusion::nn;
        const std::size_t K = net_.channels();
        const auto x = tape.result(s.with_channels(K));
        std::fill_n(x.fill(), x.size(), 0.0F);
        for (std::size_t i = 0; i < states.size(); ++i) x.fill()[i * K + states[i]] = 1;
        const auto y = net_(x, times);
        if (!logistic_) return y;
        const auto start = tape.result(s.with_channels(2));
        for (std::size_t i = 0; i < states.size(); ++i) {
            start.fill()[2 * i] = float(2 * double(states[i]) / double(K - 1) - 1);
            start.fill()[2 * i + 1] = -2;  // neither sure nor at a loss
        }
        return nn::logistic_logits(nn::add(nn::slice(y, 0, 2), start), K);
    }

    diffusion::nn::parameters<float>& parameters() { return net_.parameters(); }

private:
    diffusion::nn::unet<float> net_;
    bool logistic_;
};

}  // namespace examples
