#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/io/safetensors/tensors.hpp>

namespace diffusion::io {

/// A tensor with its axes in another order: axis k of the result is axis `axes`[k] of `entry`, so
/// {3, 2, 0, 1} makes a kernel (row, column, in, out) one of PyTorch's, (out, in, row, column).
/// The elements are copied. Throws std::invalid_argument unless `axes` are 0 ... rank - 1, each
/// once.
inline tensor_entry permuted(const tensor_entry& entry, std::span<const std::size_t> axes) {
    constexpr const char* function = "diffusion::io::permuted";
    const std::size_t rank = entry.shape.size();
    diffusion::detail::require(axes.size() == rank, function,
                               "there must be as many axes as the tensor has", entry.name);
    std::vector<std::size_t> strides(rank,
                                     size_of(entry.type));  // of the axes in `entry`, in bytes
    for (std::size_t k = rank; k-- > 1;) strides[k - 1] = strides[k] * entry.shape[k];
    std::vector<bool> used(rank, false);
    tensor_entry result = entry;
    for (std::size_t k = 0; k < rank; ++k) {
        diffusion::detail::require(axes[k] < rank && !used[axes[k]], function,
                                   "the axes must be 0 ... rank - 1, each once", axes[k]);
        used[axes[k]] = true;
        result.shape[k] = entry.shape[axes[k]];
    }

    const auto memory = std::make_shared<std::vector<std::byte>>(entry.bytes.size());
    std::vector<std::size_t> index(rank,
                                   0);  // of the element in the result, counted up like an odometer
    std::size_t from = 0;
    for (std::size_t to = 0; to < memory->size(); to += size_of(entry.type)) {
        std::memcpy(memory->data() + to, entry.bytes.data() + from, size_of(entry.type));
        for (std::size_t k = rank; k-- > 0;) {
            from += strides[axes[k]];
            if (++index[k] < result.shape[k]) break;
            from -= strides[axes[k]] * result.shape[k];
            index[k] = 0;
        }
    }
    result.bytes = *memory;
    result.owner = memory;
    return result;
}

}  // namespace diffusion::io
