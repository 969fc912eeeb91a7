#pragma once

#include <cstddef>
#include <diffusion/nn/parameter.hpp>
#include <vector>

namespace diffusion::detail {

/// The sizes of a parameter in PyTorch's order.
inline std::vector<std::size_t> sizes_in_file(const nn::parameter_info& p) {
    switch (p.layout) {
        case nn::parameter_layout::linear:
            return {p.sizes[1], p.sizes[0]};
        case nn::parameter_layout::conv:
            return {p.sizes[3], p.sizes[2], p.sizes[0], p.sizes[1]};
        case nn::parameter_layout::plain:
            break;
    }
    return p.sizes;
}

/// Where element `i` of a parameter in PyTorch's order lies in memory here.
inline std::size_t place_in_memory(const nn::parameter_info& p, std::size_t i) {
    switch (p.layout) {
        case nn::parameter_layout::linear: {  // (out, in) -> (in, out)
            const std::size_t in = p.sizes[0], out = p.sizes[1];
            return i % in * out + i / in;
        }
        case nn::parameter_layout::conv: {  // (out, in, tap) -> (tap, in, out)
            const std::size_t taps = p.sizes[0] * p.sizes[1], in = p.sizes[2], out = p.sizes[3];
            return (i % taps * in + i / taps % in) * out + i / (taps * in);
        }
        case nn::parameter_layout::plain:
            break;
    }
    return i;
}

}  // namespace diffusion::detail
