#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <diffusion/nn/nn.hpp>

namespace examples {

namespace nn = diffusion::nn;

/// A network for points in the plane as somebody trained it on two moons: the sinusoidal embedding
/// of t, mapped to 128 numbers, stands beside x; four hidden layers follow.
template <class T>
class moons_net {
public:
    static constexpr std::size_t steps = 1000;  ///< T
    static constexpr const char* known_by = "model.6.weight";

    /// What its authors call the tensors.
    static nn::name_map names() {
        return {
            .rename = {{"proj.*", "time.*"}, {"model.*", "layer.*"}, {"output_head.*", "out.*"}}};
    }

    nn::var<T> operator()(const nn::var<T>& x, std::span<const double> t,
                          std::span<const std::size_t> = {}) const {
        const auto e = nn::time_embedding(x.tape(), x.shape().items, t,
                                          {.channels = 32, .reach_longest = true});
        nn::var<T> h = nn::concat(x, time_(e));
        for (const auto* layer : {&layer0_, &layer2_, &layer4_, &layer6_})
            h = nn::silu((*layer)(h));
        return out_(h);
    }

    std::size_t channels() const { return 2; }
    nn::parameters<T>& parameters() { return store_; }

private:
    nn::parameters<T> store_;
    nn::linear_layer<T> time_{store_, "time", 32, 128};
    nn::linear_layer<T> layer0_{store_, "layer.0", 130, 128};
    nn::linear_layer<T> layer2_{store_, "layer.2", 128, 128};
    nn::linear_layer<T> layer4_{store_, "layer.4", 128, 128};
    nn::linear_layer<T> layer6_{store_, "layer.6", 128, 128};
    nn::linear_layer<T> out_{store_, "out", 128, 2};
};

/// A U-Net for 28 x 28 digits as somebody trained it with dropped labels: convolution, group norm
/// and SiLU on each level, after which linear functions of time and class are added.
template <class T>
class digits_net {
public:
    static constexpr std::size_t steps = 1000;
    static constexpr const char* known_by = "up1_transpose.weight";
    static constexpr std::size_t no_label = 10;

    static nn::name_map names() {
        return {.rename = {{"class_emb.*", "label.*"},
                           {"time_proj_*", "time.*"},
                           {"class_proj_*", "class.*"},
                           {"init_conv.0.*", "init.conv.*"},
                           {"init_conv.1.*", "init.norm.*"},
                           {"bottleneck.0.*", "btn.conv.*"},
                           {"bottleneck.1.*", "btn.norm.*"},
                           {"up*_transpose.*", "up*.larger.*"},
                           {"up*_conv.0.*", "up*.conv.*"},
                           {"up*_conv.1.*", "up*.norm.*"},
                           {"down*.0.*", "down*.conv.*"},
                           {"down*.1.*", "down*.norm.*"},
                           {"output_head.*", "out.*"}}};
    }

    nn::var<T> operator()(const nn::var<T>& x, std::span<const double> t,
                          std::span<const std::size_t> labels = {}) const {
        const std::size_t items = x.shape().items;
        if (labels.empty()) labels = {&no_label, 1};
        const told given{
            nn::time_embedding(x.tape(), items, t, {.channels = 32, .reach_longest = true}),
            label_(x.tape(), items, labels)};
        const auto s0 = init_(init_conv_(x), given);
        const auto s1 = down1_(down1_conv_(s0), given);
        const auto s2 = down2_(down2_conv_(s1), given);
        const auto bottom = btn_(btn_conv_(s2), given);
        const auto half = up1_conv_(nn::concat(up1_(up1_larger_(bottom), given), s1));
        const auto whole = up2_conv_(nn::concat(up2_(up2_larger_(half), given), s0));
        return out_(whole);
    }

    std::size_t channels() const { return 1; }
    nn::parameters<T>& parameters() { return store_; }

private:
    struct told {
        nn::var<T> time, label;
    };

    /// SiLU of the group norm of a convolution.
    struct convolution {
        nn::conv2d<T> conv;
        nn::group_norm_layer<T> norm;

        convolution(nn::parameters<T>& store, const std::string& name, std::size_t in,
                    std::size_t out, std::size_t stride = 1)
            : conv(store, name + ".conv", in, out, 3, stride),
              norm(store, name + ".norm", out, {.groups = 8, .with_silu = true}) {}

        nn::var<T> operator()(const nn::var<T>& x) const { return norm(conv(x)); }
    };

    /// Adds what is told, as one number per channel.
    struct injection {
        nn::linear_layer<T> time, label;

        injection(nn::parameters<T>& store, const std::string& level, std::size_t channels)
            : time(store, "time." + level, 32, channels),
              label(store, "class." + level, 32, channels) {}

        nn::var<T> operator()(const nn::var<T>& h, const told& given) const {
            return nn::scale_shift(h, {}, nn::add(time(given.time), label(given.label)));
        }
    };

    nn::parameters<T> store_;
    nn::embedding_layer<T> label_{store_, "label", 11, 32};
    convolution init_conv_{store_, "init", 1, 32};
    convolution down1_conv_{store_, "down1", 32, 64, 2};
    convolution down2_conv_{store_, "down2", 64, 128, 2};
    convolution btn_conv_{store_, "btn", 128, 128};
    nn::conv2d_transposed<T> up1_larger_{store_, "up1.larger", 128, 64};
    convolution up1_conv_{store_, "up1", 128, 64};
    nn::conv2d_transposed<T> up2_larger_{store_, "up2.larger", 64, 32};
    convolution up2_conv_{store_, "up2", 64, 32};
    injection init_{store_, "init", 32}, down1_{store_, "down1", 64}, down2_{store_, "down2", 128};
    injection btn_{store_, "btn", 128}, up1_{store_, "up1", 64}, up2_{store_, "up2", 32};
    nn::conv2d<T> out_{store_, "out", 32, 1, 1};
};

}  // namespace examples
