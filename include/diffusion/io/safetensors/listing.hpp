#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <diffusion/io/detail/source.hpp>
#include <diffusion/io/safetensors/tensors.hpp>
#include <diffusion/io/safetensors/types.hpp>

namespace diffusion::io {

/// One line of a listing: what a file, or a model's parameters, say of a tensor.
struct tensor_info {
    std::string name;
    scalar_type type = scalar_type::f32;
    std::vector<std::size_t> shape;  ///< slowest index first; empty for a scalar
    std::size_t bytes = 0;

    friend bool operator==(const tensor_info&, const tensor_info&) = default;
};

/// The tensors of a file in the order of its header.
inline std::vector<tensor_info> listing(const safetensors_file& file) {
    std::vector<tensor_info> lines;
    for (const tensor_entry& entry : file.entries) {
        lines.push_back({entry.name, entry.type, entry.shape, entry.bytes.size()});
    }
    return lines;
}

/// A listing as a text of columns, with a line of sums at its end:
///
///     conv.weight  F32  (8, 1, 3, 3)  288
///     conv.bias    F16  (8,)           16
///     2 tensors, 80 elements, 304 bytes
inline std::string to_text(std::span<const tensor_info> lines) {
    std::vector<std::array<std::string, 4>> table;
    std::array<std::size_t, 4> width{};
    std::size_t elements = 0, bytes = 0;
    for (const tensor_info& line : lines) {
        table.push_back({line.name, std::string(dtype_name(line.type)),
                         detail::shape_text(line.shape), std::to_string(line.bytes)});
        for (std::size_t k = 0; k < 4; ++k) width[k] = std::max(width[k], table.back()[k].size());
        elements += line.bytes / size_of(line.type);
        bytes += line.bytes;
    }
    std::string text;
    for (const auto& cells : table) {
        for (std::size_t k = 0; k < 3; ++k) {
            text += cells[k];
            text.append(width[k] - cells[k].size() + 2, ' ');
        }
        text.append(width[3] - cells[3].size(), ' ');
        text += cells[3] + '\n';
    }
    return text + std::to_string(lines.size()) + " tensors, " + std::to_string(elements) +
           " elements, " + std::to_string(bytes) + " bytes\n";
}

}  // namespace diffusion::io
