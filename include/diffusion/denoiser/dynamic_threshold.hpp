#pragma once
// L3: Imagen's way of keeping x_0-hat in range. A header of its own, since <algorithm> is not
// light.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/tensor/batch.hpp>
#include <diffusion/tensor/traits.hpp>

namespace diffusion {

/// Dynamic thresholding (Saharia et al. 2022, Imagen, section 2.3): with s the given quantile of
/// |x_0-hat| over an item, raised to at least 1 and then lowered to at most `largest`, each item is
/// clipped to [-s, s] and divided by s. Quantiles between two elements are interpolated linearly.
/// The paper's s has no upper bound; largest = 1 makes this plain clipping, and a smaller one
/// stretches [-largest, largest] to [-1, 1].
///
/// `items` is the number of items in the batch, `scratch` a tensor like x for sorting, so that a
/// step allocates nothing. Throws std::invalid_argument unless 0 < quantile <= 1, largest > 0 and
/// items divides the number of elements.
template <class D, class Scratch>
struct dynamic_threshold : detail::adjusted<dynamic_threshold<D, Scratch>, D> {
    double quantile, largest;
    std::size_t items;
    Scratch scratch;

    explicit dynamic_threshold(D denoise, Scratch scratch_, double quantile_ = 0.995,
                               double largest_ = std::numeric_limits<double>::infinity(),
                               std::size_t items_ = 1)
        : detail::adjusted<dynamic_threshold, D>{std::move(denoise)},
          quantile(quantile_),
          largest(largest_),
          items(items_),
          scratch(std::move(scratch_)) {
        detail::require(quantile > 0 && quantile <= 1, "diffusion::dynamic_threshold",
                        "the quantile must lie in (0, 1]", quantile);
        detail::require(largest > 0, "diffusion::dynamic_threshold",
                        "the largest threshold must be positive", largest);
        item_size(elements(scratch).size(), items);
    }

    /// Clips and rescales every item of x0.
    template <class Y>
    void adjust(Y& x0) {
        using T = scalar_t<Y>;
        DIFFUSION_ASSERT(elements(scratch).size() == elements(x0).size(),
                         "diffusion::dynamic_threshold: the scratch tensor must be like x");
        for_each_item(x0, items, [&](std::size_t, std::span<T> item) {
            if (item.empty()) return;
            const std::span<T> sorted = elements(scratch).first(item.size());
            for (std::size_t e = 0; e < item.size(); ++e) sorted[e] = std::abs(item[e]);
            const double rank = quantile * static_cast<double>(item.size() - 1);
            const auto below = static_cast<std::ptrdiff_t>(rank);
            std::nth_element(sorted.begin(), sorted.begin() + below, sorted.end());
            double s = static_cast<double>(sorted[static_cast<std::size_t>(below)]);
            const double part = rank - static_cast<double>(below);
            if (part > 0) {
                const double above = static_cast<double>(
                    *std::min_element(sorted.begin() + below + 1, sorted.end()));
                s += part * (above - s);
            }
            const T limit = static_cast<T>(std::min(std::max(s, 1.0), largest));
            for (T& e : item) e = std::min(std::max(e, -limit), limit) / limit;
        });
    }
};

}  // namespace diffusion
