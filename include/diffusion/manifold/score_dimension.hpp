#pragma once
// What a diffusion model knows of the manifold on which its data lies.

#include <cstddef>
#include <span>
#include <utility>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// The scores at K points that are noised versions of one, x_t = alpha_t x_0 + sigma_t z (Stanczuk
/// et al. 2024, "Diffusion Models Encode the Intrinsic Dimension of Data Manifolds", algorithm 1):
/// the K items of `scores`, each as long as x_0.
///
///     score = (alpha_t x0-hat - x_t)/sigma_t^2
///
/// For little noise they all lead back to the manifold, and so lie in the space that is normal to
/// it: the matrix of K > D of them has as many singular values that almost vanish as the manifold
/// has dimensions; see `dimension_by_gap`. Allocates. Throws std::invalid_argument unless x_0's
/// size divides that of `scores`, and where sigma_t = 0.
template <tensor X, class D, class Z>
    requires denoiser<D, X> && noise_source<Z, owner_t<X>>
void scores_around(std::span<const scalar_t<X>> x_0, const node& t, D&& denoise, Z&& noise,
                   X& scores) {
    constexpr const char* function = "diffusion::scores_around";
    detail::require(!x_0.empty() && elements(scores).size() % x_0.size() == 0, function,
                    "the scores must be as long as x_0; number of elements",
                    elements(scores).size());
    detail::require(t.sigma > 0, function, "there is no score without noise; sigma", t.sigma);
    detail::check_denoiser(denoise, t);
    owner_t<X> z = like(scores);
    noise(z, noise_address{noise_stream::forward});
    for_each_item(scores, elements(scores).size() / x_0.size(),
                  [&](std::size_t, std::span<scalar_t<X>> item) {
                      for (std::size_t e = 0; e < item.size(); ++e) item[e] = x_0[e];
                  });
    ref(scores) = t.alpha * ref(scores) + t.sigma * ref(z);  // x_t
    denoise(std::as_const(scores), t, z);
    const double per_variance = 1 / (t.sigma * t.sigma);
    ref(scores) = (t.alpha * per_variance) * ref(z) + (-per_variance) * ref(scores);
}

/// The number of singular values (or of the eigenvalues of S S^T) behind the widest gap, D - i for
/// the i with the largest s_i - s_{i+1}: those that almost vanish (Stanczuk et al. 2024, algorithm
/// 1). `values` are the D of them, largest first. Throws std::invalid_argument unless there are at
/// least 2 and they do not rise.
inline std::size_t dimension_by_gap(std::span<const double> values) {
    constexpr const char* function = "diffusion::dimension_by_gap";
    detail::require(values.size() >= 2, function, "a gap needs at least 2 values", values.size());
    std::size_t last = 0;  // before the gap
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        detail::require(values[i] >= values[i + 1], function, "the values must not rise",
                        values[i + 1]);
        if (values[i] - values[i + 1] > values[last] - values[last + 1]) last = i;
    }
    return values.size() - 1 - last;
}

}  // namespace diffusion
