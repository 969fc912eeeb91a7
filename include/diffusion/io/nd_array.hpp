#pragma once

#include <cstddef>
#include <vector>

namespace diffusion::io {

/// Numbers with a shape: what an npy or IDX file holds. Row-major: the last index runs fastest.
/// An empty shape is that of a single number.
template <class T>
struct nd_array {
    std::vector<std::size_t> shape;
    std::vector<T> values;

    friend bool operator==(const nd_array&, const nd_array&) = default;
};

}  // namespace diffusion::io
