#pragma once
// L3: noising tensors, one level for all or one for each item of a batch.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/assert.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Draws x_t ~ q(x_t | x_0) = alpha_t x_0 + sigma_t z with the given standard normal z. All three
/// have one shape and one element type; x_t may be x_0 or z itself.
template <tensor X, tensor Data = owner_t<X>, tensor Noise = owner_t<X>>
void q_sample(X& x_t, const Data& x_0, const noise_level& t, const Noise& z) {
    ref(x_t) = t.alpha * ref(x_0) + t.sigma * ref(z);
}

/// The same for a batch in which item i has a level t[i] of its own, as in training. Throws
/// std::invalid_argument if the number of levels does not divide the number of elements.
template <tensor X, tensor Data = owner_t<X>, tensor Noise = owner_t<X>>
void q_sample(X& x_t, const Data& x_0, std::span<const noise_level> t, const Noise& z) {
    using T = scalar_t<X>;
    const std::span<const T> data = elements(x_0), noise = elements(z);
    DIFFUSION_ASSERT(data.size() == elements(x_t).size() && noise.size() == data.size(),
                     "diffusion::q_sample: tensors of unequal size");
    for_each_item(x_t, t.size(), [&](std::size_t i, std::span<T> item) {
        const std::size_t first = i * item.size();
        assign(item, std::array<term<T>, 2>{{{t[i].alpha, data.subspan(first, item.size())},
                                             {t[i].sigma, noise.subspan(first, item.size())}}});
    });
}

}  // namespace diffusion
