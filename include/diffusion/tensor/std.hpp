#pragma once
// L0: std::vector and std::array as tensors.

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// `std::vector<float>`, `std::vector<double>`: a flat state of any length.
template <std::floating_point T, class Allocator>
struct tensor_traits<std::vector<T, Allocator>> {
    using scalar = T;
    static std::vector<T, Allocator> like(const std::vector<T, Allocator>& x) {
        return std::vector<T, Allocator>(x.size(), T{}, x.get_allocator());
    }
    static std::span<T> elements(std::vector<T, Allocator>& x) { return x; }
    static std::span<const T> elements(const std::vector<T, Allocator>& x) { return x; }
};

/// `std::array<T, N>`: a state whose size is known to the compiler; a run on it needs no heap at
/// all.
template <std::floating_point T, std::size_t N>
struct tensor_traits<std::array<T, N>> {
    using scalar = T;
    static std::array<T, N> like(const std::array<T, N>&) { return {}; }
    static std::span<T> elements(std::array<T, N>& x) { return x; }
    static std::span<const T> elements(const std::array<T, N>& x) { return x; }
};

}  // namespace diffusion
