#pragma once
// L3: what a network is asked to predict, as a linear function of the data and the noise.

#include <array>
#include <cstddef>
#include <span>

#include <diffusion/assert.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// The network's target: eps (Ho et al. 2020), x_0, v = alpha eps - sigma x_0 (Salimans and Ho
/// 2022), u = eps - x_0 (Lipman et al. 2023), or the score of q(x_t | x_0), -eps/sigma: denoising
/// score matching (Vincent 2011, eq. 9; Song and Ermon 2019, eq. 5), not to be had at clean data.
/// Sampling undoes them with `predicts_noise`, `predicts_data`, `predicts_velocity`,
/// `predicts_flow` and `predicts_score`.
enum class target { noise, data, velocity, flow, score };

/// The target at a noise level as data_weight * x_0 + noise_weight * eps.
struct target_weights {
    double data, noise;
};

/// The weights of a target at a noise level.
constexpr target_weights weights_of(target kind, const noise_level& t) {
    switch (kind) {
        case target::noise:
            return {0, 1};
        case target::data:
            return {1, 0};
        case target::velocity:
            return {-t.sigma, t.alpha};
        case target::score:
            return {0, -1 / t.sigma};
        case target::flow:
            break;
    }
    return {-1, 1};
}

/// Writes the training target of every item: out_i = target of (x_0)_i and eps_i at level t[i].
/// `out` may be x_0 or eps. Throws std::invalid_argument if the number of levels does not divide
/// the number of elements.
template <tensor X, tensor Data = owner_t<X>, tensor Noise = owner_t<X>>
void training_target(X& out, target kind, const Data& x_0, std::span<const noise_level> t,
                     const Noise& eps) {
    using T = scalar_t<X>;
    const std::span<const T> data = elements(x_0), noise = elements(eps);
    DIFFUSION_ASSERT(data.size() == elements(out).size() && noise.size() == data.size(),
                     "diffusion::training_target: tensors of unequal size");
    for_each_item(out, t.size(), [&](std::size_t i, std::span<T> item) {
        const std::size_t first = i * item.size();
        const target_weights w = weights_of(kind, t[i]);
        assign(item, std::array<term<T>, 2>{{{w.data, data.subspan(first, item.size())},
                                             {w.noise, noise.subspan(first, item.size())}}});
    });
}

}  // namespace diffusion
