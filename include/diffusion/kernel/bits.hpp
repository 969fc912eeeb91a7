#pragma once
// L3: units of information. The library computes in nats; papers report bits and bits per
// dimension.

#include <cmath>
#include <cstddef>
#include <numbers>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// 1 nat = 1/log 2 = 1.4427 bits.
constexpr double in_bits(double nats) { return nats / std::numbers::ln2; }
constexpr double in_nats(double bits) { return bits * std::numbers::ln2; }

/// The code length -log2 p(x)/d of data of d dimensions with log p(x) in nats; also that of a
/// bound on it. (Of a picture d is height x width x channels.)
inline double bits_per_dim(double log_likelihood, std::size_t dimensions) {
    detail::require(dimensions > 0, "diffusion::bits_per_dim",
                    "the number of dimensions must be positive", dimensions);
    return -in_bits(log_likelihood) / static_cast<double>(dimensions);
}

/// The entropy log(2 pi e std^2)/2 of N(mean, std^2), in nats.
inline double gaussian_entropy(double std) {
    detail::require(std > 0, "diffusion::gaussian_entropy",
                    "the standard deviation must be positive", std);
    return 0.5 * std::log(2 * std::numbers::pi * std::numbers::e) + std::log(std);
}

/// The entropy -p log p - (1 - p) log(1 - p) of a coin, in nats.
inline double binary_entropy(double p) {
    detail::require(p >= 0 && p <= 1, "diffusion::binary_entropy",
                    "a probability must lie in [0, 1]", p);
    return p == 0 || p == 1 ? 0 : -p * std::log(p) - (1 - p) * std::log1p(-p);
}

}  // namespace diffusion
