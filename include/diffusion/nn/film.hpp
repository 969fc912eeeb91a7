#pragma once

#include <cstddef>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/tape.hpp>
#include <string>

namespace diffusion::nn {

/// FiLM (Perez et al. 2018): `scale_shift` of x {items, height, width, channels} by a linear
/// function, `name`.weight and `name`.bias, of an embedding {items, 1, 1, any}. It starts as the
/// identity.
template <class T>
struct film_layer {
    linear_layer<T> modulation;
    std::size_t channels = 0;

    film_layer() = default;

    film_layer(parameters<T>& store, const std::string& name, std::size_t embedding_channels,
               std::size_t value_channels)
        : modulation(store, name, embedding_channels, 2 * value_channels, true),
          channels(value_channels) {}

    var<T> operator()(const var<T>& x, const var<T>& embedding) const {
        const var<T> both = modulation(embedding);
        return scale_shift(x, slice(both, 0, channels), slice(both, channels, channels));
    }
};

}  // namespace diffusion::nn
