#pragma once
// L0: more or less noise in the steps than the method asks for.

#include <cmath>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Another source whose noise of steps is multiplied by a factor, the "s_noise" of k-diffusion's
/// samplers (Karras et al. 2022, section 4, S_noise: slightly above 1 against networks that remove
/// too much). The noise of other streams, such as that of the start, stays as it is. Throws
/// std::invalid_argument unless the factor is finite and not negative.
template <class Noise>
struct scaled_noise {
    Noise noise;
    double factor;

    scaled_noise(Noise noise_, double factor_) : noise(std::move(noise_)), factor(factor_) {
        detail::require(factor >= 0 && std::isfinite(factor), "diffusion::scaled_noise",
                        "the factor must be finite and not negative", factor);
    }

    template <tensor X>
        requires noise_source<Noise, X>
    void operator()(X& z, const noise_address& where) {
        noise(z, where);
        if (where.stream == noise_stream::step) ref(z) = factor * ref(z);
    }
    template <tensor X>
        requires noise_source<const Noise, X>
    void operator()(X& z, const noise_address& where) const {
        noise(z, where);
        if (where.stream == noise_stream::step) ref(z) = factor * ref(z);
    }
};

}  // namespace diffusion
