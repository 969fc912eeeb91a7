#pragma once

#include <cstddef>
#include <cstdint>

#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/convolution.hpp>
#include <diffusion/nn/parameter.hpp>
#include <diffusion/nn/resample.hpp>
#include <diffusion/nn/tape.hpp>

namespace examples {

/// The U-Net of Ronneberger et al. (2015, fig. 1) at its smallest: three levels, a convolution for
/// each arrow, grey pictures, one noise level (so that it need not be told the time).
///
///     x - fine ------------------------------------- joined_fine - answer
///            \ middle -------------- joined_middle /
///                    \ coarse - deep /
struct tiny_unet {
    using var = diffusion::nn::var<float>;

    diffusion::nn::parameters<float> store;
    diffusion::nn::conv2d<float> in, half, half_again, bottom, twice, join_middle, twice_again,
        join_fine, out;

    /// `width` channels at full resolution, two and four times as many below.
    explicit tiny_unet(std::size_t width, std::uint64_t seed = 1)
        : store(seed),
          in(store, "in", 1, width),
          half(store, "half", width, 2 * width, 3, 2),
          half_again(store, "half_again", 2 * width, 4 * width, 3, 2),
          bottom(store, "bottom", 4 * width, 4 * width),
          twice(store, "twice", 4 * width, 2 * width),
          join_middle(store, "join_middle", 4 * width, 2 * width),
          twice_again(store, "twice_again", 2 * width, width),
          join_fine(store, "join_fine", 2 * width, width),
          out(store, "out", width, 1) {}

    /// Everything on the way. Whoever holds these handles may look at the values, and at their
    /// gradients after backward().
    struct activations {
        var fine, middle, coarse, deep, joined_middle, joined_fine, answer;
    };

    activations operator()(const var& x) const {
        using namespace diffusion::nn;
        activations a;
        a.fine = silu(in(x));
        a.middle = silu(half(a.fine));
        a.coarse = silu(half_again(a.middle));
        a.deep = silu(bottom(a.coarse));
        a.joined_middle = silu(join_middle(concat(twice(upsample_nearest(a.deep)), a.middle)));
        a.joined_fine =
            silu(join_fine(concat(twice_again(upsample_nearest(a.joined_middle)), a.fine)));
        a.answer = out(a.joined_fine);
        return a;
    }
};

}  // namespace examples
