#pragma once
// L0: the noise sources to use by default: no state, so the same picture for any thread count,
// chunking and batch size.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// z ~ N(0, I) as a pure function of (seed, address, element): `gaussian_noise{42}`. See
/// `fill_normal`.
struct gaussian_noise {
    std::uint64_t seed = 0;

    template <tensor X>
    void operator()(X& z, const noise_address& where) const {
        fill_normal(elements(z), seed, where);
    }
};

/// A batch in which each item has its own seed: slice i of n = seeds.size() equal contiguous slices
/// is what `gaussian_noise{seeds[i]}` draws for it alone, so picture i does not depend on the batch
/// it is drawn in. Slices follow storage order: x[i] of a row-major array (n, ...), a column of a
/// column-major Eigen matrix. Throws std::invalid_argument if there are no seeds, or if their
/// number does not divide the number of elements.
struct per_item_noise {
    std::vector<std::uint64_t> seeds;

    template <tensor X>
    void operator()(X& z, const noise_address& where) const {
        for_each_item(z, seeds.size(), [&](std::size_t i, std::span<scalar_t<X>> item) {
            fill_normal(item, seeds[i], where);
        });
    }
};

}  // namespace diffusion
