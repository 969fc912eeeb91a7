#pragma once

#include <cstddef>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/group_norm.hpp>
#include <diffusion/nn/parameter.hpp>
#include <string>

namespace diffusion::nn {

/// Sizes of a `spade_layer`.
struct spade_options {
    std::size_t labels = 1;    ///< channels of the map
    std::size_t hidden = 128;  ///< channels between map and modulation
    std::size_t kernel = 3;
    std::size_t groups = 8;  ///< of the normalisation
};

/// SPADE, spatially adaptive normalisation (Park et al. 2019, eq. 1 and figure 3): a group norm
/// without parameters, then a scale and a shift for each position that convolutions compute from a
/// map of labels:
///
///     h = relu(shared(map)),   y = norm(x) (1 + gamma(h)) + beta(h)
///
/// x {items, height, width, channels}, map {items, height, width, labels}. (The paper normalises
/// over the batch; groups as in Wang et al. 2022.)
template <class T>
struct spade_layer {
    conv2d<T> shared, gamma, beta;
    std::size_t groups = 8;

    spade_layer() = default;

    spade_layer(parameters<T>& store, const std::string& name, std::size_t channels,
                const spade_options& o)
        : shared(store, name + ".shared", o.labels, o.hidden, o.kernel),
          gamma(store, name + ".gamma", o.hidden, channels, o.kernel),
          beta(store, name + ".beta", o.hidden, channels, o.kernel),
          groups(o.groups) {}

    /// False for a default-constructed layer.
    explicit operator bool() const { return static_cast<bool>(shared); }

    /// `shift` {items, 1, 1, channels}, which may be empty, is added to x first; see `group_norm`.
    var<T> operator()(const var<T>& x, const var<T>& map, const var<T>& shift = {}) const {
        const var<T> h = relu(shared(map));
        const var<T> none;
        return scale_shift(group_norm(x, none, none, {.groups = groups}, shift), gamma(h), beta(h));
    }
};

}  // namespace diffusion::nn
