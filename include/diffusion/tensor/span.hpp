#pragma once
// L0: std::span as a tensor: memory that somebody else owns (a frame buffer, a C array, another
// library's tensor).

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include <diffusion/tensor/std.hpp>

namespace diffusion {

/// `std::span<float>`, `std::span<double>`, of any or of fixed extent: sampled in place. What a run
/// needs besides lives in `std::vector`, so a network is called as `m(std::span<float> x, t,
/// std::vector<float>& out)`; parameters of type `std::span<const T>` and `std::span<T>` accept
/// both.
template <std::floating_point T, std::size_t Extent>
    requires(!std::is_const_v<T>)
struct tensor_traits<std::span<T, Extent>> {
    using scalar = T;
    using owner = std::vector<T>;
    static std::vector<T> like(const std::span<T, Extent>& x) { return std::vector<T>(x.size()); }
    static std::span<T> elements(std::span<T, Extent>& x) { return x; }
    static std::span<const T> elements(const std::span<T, Extent>& x) { return x; }
};

}  // namespace diffusion
