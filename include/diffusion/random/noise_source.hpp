#pragma once
// L0: where a sampler gets its randomness from, and the address of one draw.

#include <cstdint>

#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// What a draw is for. Draws for different purposes are independent even where step and sub_draw
/// are equal.
enum class noise_stream : std::uint32_t {
    start,       ///< x_T, the pure noise a sampler starts from
    step,        ///< z of a stochastic step t -> s
    forward,     ///< the noise of q(x_t | x_0), in training and in pictures of the forward process
    data,        ///< synthetic data and its shuffling
    parameters,  ///< initial weights
    dropout,     ///< dropped activations and dropped labels
    user         ///< never used by the library; values above it are free as well
};

/// The address of one draw. A noise source that has no state returns the same numbers for the same
/// address, whenever and however often it is asked.
struct noise_address {
    noise_stream stream = noise_stream::step;
    std::uint64_t step = 0;  ///< index of the step, of the training iteration, of the picture, ...
    std::uint32_t sub_draw = 0;  ///< for a step that draws more than once
    double sigma_t = 0;          ///< sigma/alpha where the step begins and ...
    double sigma_s = 0;          ///< ... ends; only for sources that must know (a Brownian path)

    friend bool operator==(const noise_address&, const noise_address&) = default;
};

/// A callable that fills a tensor with z ~ N(0, I): `noise(z, where)`.
/// Semantics: every element of z is overwritten with an independent standard normal number; z is
/// neither resized nor read. Models: `gaussian_noise`, `per_item_noise`, `sequential`, and any
/// lambda of this form.
template <class Z, class X>
concept noise_source = tensor<X> && requires(Z& noise, X& z, const noise_address& where) {
    noise(z, where);
};

}  // namespace diffusion
