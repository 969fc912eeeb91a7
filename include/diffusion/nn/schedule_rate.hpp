#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>

namespace diffusion::nn {

/// Learning rate: a straight rise over the first `warmup` steps, so that Adam's averages settle
/// before large steps are taken, then half a cosine from `peak` to `last` at step `total`
/// (Loshchilov and Hutter 2017, eq. 5, without restarts). After `total` it stays at `last`.
struct warmup_cosine {
    double peak = 1e-3;
    std::size_t warmup = 100;
    std::size_t total = 1000;
    double last = 0;

    /// The rate of step 0, 1, 2, ...
    double operator()(std::size_t step) const {
        if (step < warmup)
            return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
        if (step >= total) return last;
        const double progress =
            static_cast<double>(step - warmup) / static_cast<double>(total - warmup);
        return last + (peak - last) * (1 + std::cos(std::numbers::pi * progress)) / 2;
    }
};

}  // namespace diffusion::nn
