#pragma once

#include "swiss_roll.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/nn/nn.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/trainer/data_source.hpp>

namespace examples {

/// Noise levels by their log ratio of noise to signal, t = -lambda: what the network of the Swiss
/// roll is told, and what a step is long in. From x_1, whose noise is a tenth of the roll's, to
/// x_T, of which the data are a thousandth of the variance.
struct roll_levels {
    double lambda_1 = 7.9, lambda_T = -3.45;

    diffusion::noise_level operator()(double t) const {
        return diffusion::variance_preserving(-0.5 * std::log1p(std::exp(2 * t)));
    }
    double t_min() const { return -lambda_1; }
    double t_max() const { return -lambda_T; }

    /// x_T, ..., x_1 with steps of one length in t.
    diffusion::time_grid even_grid(std::size_t T) const {
        diffusion::time_grid grid;
        for (std::size_t i = 0; i < T; ++i)
            grid.push_back(diffusion::node_at(
                *this, t_max() + (t_min() - t_max()) * double(i) / double(T - 1)));
        return grid;
    }
};

/// The network of the Swiss roll: a perceptron that sees, beside the two coordinates, sines and
/// cosines of them, as the roll is a hundred times thinner than it is wide. For each coordinate it
/// says the velocity, and v of the variance, which cannot leave [-5, 5] (the paper uses a sigmoid),
/// so that no point far outside, where the network knows nothing, costs the bound more than it is
/// worth. (That of the paper: 16 radial basis functions and weights of their own for each of the 40
/// times.) Untrained it says 0, and is the null model.
class roll_net {
public:
    explicit roll_net(std::uint64_t seed)
        : inner_({.in = 2 + 4 * waves.size(), .hidden = 128, .out = 4, .time_factor = 10}, seed) {}

    diffusion::nn::var<float> operator()(const diffusion::nn::var<float>& x,
                                         std::span<const double> t,
                                         std::span<const std::size_t> = {}) const {
        const std::size_t channels = inner_.channels();
        const auto seen = x.tape().result(x.shape().with_channels(channels));
        for (std::size_t i = 0; i < x.shape().rows(); ++i) {
            float* out = seen.fill() + i * channels;
            for (const float coordinate : {x.data()[2 * i], x.data()[2 * i + 1]}) {
                *out++ = coordinate;
                for (const float wave : waves) {
                    *out++ = std::sin(wave * coordinate);
                    *out++ = std::cos(wave * coordinate);
                }
            }
        }
        namespace nn = diffusion::nn;
        const auto said = inner_(seen, t);
        const auto v = nn::scale(nn::tanh(nn::scale(nn::slice(said, 2, 2), 1 / v_range)), v_range);
        return nn::concat(nn::slice(said, 0, 2), v);
    }

    std::size_t channels() const { return 2; }
    diffusion::nn::parameters<float>& parameters() { return inner_.parameters(); }

private:
    static constexpr std::array<float, 5> waves{2, 4, 8, 16, 32};
    static constexpr float v_range = 5;

    diffusion::nn::mlp<float> inner_;
};

/// Points of the roll, as many as are wanted and never the same ones: a data source of a trainer.
struct roll_points {
    const swiss_roll& roll;

    std::size_t size() const { return 0; }  // there is no end of them

    diffusion::item_batch<float> init(std::size_t items) const {
        return {{items, 1, 1, 2}, std::vector<float>(2 * items), {}};
    }
    void fill(diffusion::item_batch<float>& batch, const diffusion::batch_draw& draw) const {
        roll.draw(batch.values, draw.seed, draw.index);
    }
};

}  // namespace examples
