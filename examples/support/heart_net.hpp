#pragma once

#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include <diffusion/nn/nn.hpp>

namespace examples {

namespace nn = diffusion::nn;

/// A network for points in the plane that somebody trained on a heart (examples/models, MIT
/// licence): sines and cosines of x, y and t at fixed frequencies, then two layers.
template <class T>
class heart_net {
public:
    static constexpr std::size_t steps = 200;
    static constexpr const char* known_by = "input_emb1.emb";

    /// What its authors call the tensors: theirs on the left, ours on the right.
    static nn::name_map names() {
        return {.rename = {{"input_emb1.emb", "x.frequencies"},
                           {"input_emb2.emb", "y.frequencies"},
                           {"time_emb.emb", "t.frequencies"},
                           {"joint_mlp.0.*", "in.*"},
                           {"joint_mlp.2.ln.*", "norm.*"},
                           {"joint_mlp.2.ff.*", "hidden.*"},
                           {"joint_mlp.3.*", "out_norm.*"},
                           {"joint_mlp.4.*", "out.*"}}};
    }

    nn::var<T> operator()(const nn::var<T>& points, std::span<const double> t,
                          std::span<const std::size_t> = {}) const {
        nn::tape<T>& tape = points.tape();
        const std::size_t items = points.shape().items;
        std::vector<double> x(items), y(items), time(t.begin(), t.end());
        for (std::size_t i = 0; i < items; ++i) {
            x[i] = 25 * double(points.data()[2 * i]);
            y[i] = 25 * double(points.data()[2 * i + 1]);
        }
        const auto waves = [&](const nn::parameter<T>& frequencies, std::vector<double>& of) {
            for (double& value : of) value /= 2 * std::numbers::pi;  // the layer multiplies by it
            return nn::fourier_embedding(tape.use(frequencies), items, of);
        };
        const auto where = nn::concat(waves(x_, x), waves(y_, y));
        nn::var<T> h = nn::gelu(in_(nn::concat(where, waves(t_, time))));
        h = nn::add(h, nn::gelu(hidden_(norm_(h))));
        return out_(out_norm_(h));
    }

    std::size_t channels() const { return 2; }
    nn::parameters<T>& parameters() { return store_; }

private:
    nn::parameter<T> frequencies(const char* name) {
        const auto p = store_.add(name, {16}, nn::parameter_layout::plain, nn::initial::zero());
        store_.fix(p);
        return p;
    }

    nn::parameters<T> store_;
    nn::parameter<T> x_ = frequencies("x.frequencies");
    nn::parameter<T> y_ = frequencies("y.frequencies");
    nn::parameter<T> t_ = frequencies("t.frequencies");
    nn::linear_layer<T> in_{store_, "in", 96, 32};
    nn::layer_norm_layer<T> norm_{store_, "norm", 32};
    nn::linear_layer<T> hidden_{store_, "hidden", 32, 32};
    nn::layer_norm_layer<T> out_norm_{store_, "out_norm", 32};
    nn::linear_layer<T> out_{store_, "out", 32, 2};
};

}  // namespace examples
