#pragma once

#include <cmath>
#include <cstddef>
#include <diffusion/detail/require.hpp>
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

namespace diffusion::nn::detail {

/// More stages on the way down than anybody wants, so that what is kept of each needs no
/// allocation.
inline constexpr std::size_t most_unet_stages = 63;

/// Throws std::invalid_argument in the name of `function` unless a net of these sizes can be built
/// and called.
inline void check_unet_options(const unet_options& o, const char* function) {
    using diffusion::detail::require;
    const std::size_t levels = o.multipliers.size();
    require(levels > 0, function, "there must be a level", levels);
    require(o.attention.size() == levels, function, "attention needs one entry for each level",
            o.attention.size());
    const std::size_t halvings = levels - 1;
    require(o.blocks <= most_unet_stages && levels * o.blocks + halvings <= most_unet_stages,
            function, "there may be at most 63 stages on the way down",
            levels * o.blocks + halvings);
    require(o.image_channels > 0, function, "there must be an image channel", o.image_channels);
    require(o.base > 0 && o.base % 2 == 0, function,
            "base must be even, for the sines and cosines of the time", o.base);
    require(o.groups > 0 && o.base % o.groups == 0, function, "the groups must divide base",
            o.groups);
    require(std::isfinite(o.time_factor), function, "time_factor must be finite", o.time_factor);
    require(o.map_channels == 0 || o.map_hidden > 0, function, "a map needs map_hidden channels",
            o.map_hidden);
    for (std::size_t l = 0; l < levels; ++l) {
        require(o.multipliers[l] > 0, function, "each multiplier must be at least 1",
                o.multipliers[l]);
        const bool attends = o.attention[l] || l + 1 == levels;  // the middle always does
        require(!attends || (o.heads > 0 && o.base * o.multipliers[l] % o.heads == 0), function,
                "the heads must divide the channels where there is attention", o.heads);
    }
}

}  // namespace diffusion::nn::detail
