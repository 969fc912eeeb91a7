#pragma once

#include <cstddef>
#include <vector>

namespace diffusion::nn {

/// The sizes of a U-Net, and what it can be told. The default is a net of 1.1 million parameters
/// for images of 28x28 pixels that is told nothing but the time.
struct unet_options {
    std::size_t image_channels = 1;
    std::size_t base = 32;                             ///< channels at full resolution
    std::vector<std::size_t> multipliers = {1, 2, 2};  ///< channels of each level, in units of base
    std::size_t blocks = 1;                            ///< residual blocks per level going down
    std::vector<bool> attention = {false, false, true};  ///< levels with attention
    std::size_t heads = 1;
    std::size_t groups = 8;   ///< of the group norms
    std::size_t classes = 0;  ///< 0: unconditional; the label `classes` means "no label"
    bool zero_last = true;    ///< residual branches and the output start at zero
    double time_factor = 1;   ///< multiplies t: 1000 for a time in [0, 1]

    std::size_t token_channels = 0;  ///< of a caption's tokens, read by cross-attention; 0: none
    std::size_t extra_channels = 0;  ///< of an image that stands beside x; 0: none
    std::size_t map_channels = 0;    ///< labels of a map, read through SPADE; 0: none
    std::size_t map_hidden = 64;     ///< channels between map and modulation
    bool scale_shift = false;        ///< the embedding scales, too, and after the norm (FiLM)
    bool checkpoint = false;         ///< a third of the memory for more time: see `checkpointed`
    bool learned_variance = false;   ///< twice the channels come out: the prediction, then v
};

}  // namespace diffusion::nn
