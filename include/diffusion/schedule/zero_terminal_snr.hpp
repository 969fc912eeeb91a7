#pragma once
// L1: betas rescaled such that the last time is pure noise.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace diffusion {

/// The same schedule with alpha shifted to end at 0 and scaled to start where it did:
/// alpha_t' = alpha_0 (alpha_t - alpha_{T-1}) / (alpha_0 - alpha_{T-1}) (Lin et al. 2024, algorithm
/// 1). Noise prediction is impossible at the last time, where the state holds no signal.
///
/// last_alpha_bar > 0 ends there instead of at 0, with all other times unchanged (references use
/// 2^-24 so that sigma/alpha stays finite). It must lie below the alpha-bar of time T-2, or it
/// throws std::invalid_argument; so does a schedule of fewer than two times.
template <class Beta>
discrete_schedule<tabulated_beta> zero_terminal_snr(const discrete_schedule<Beta>& schedule,
                                                    double last_alpha_bar = 0) {
    const std::size_t T = schedule.size();
    detail::require(T >= 2, "diffusion::zero_terminal_snr", "T must be at least 2", T);
    detail::require(last_alpha_bar >= 0 && last_alpha_bar < 1, "diffusion::zero_terminal_snr",
                    "last_alpha_bar must lie in [0, 1)", last_alpha_bar);
    // With d_t = alpha_t - alpha_{T-1}, a sum of positive drops alpha_{j-1} - alpha_j, the new
    // betas are 1 - (d_t/d_{t-1})^2: nothing is subtracted that is nearly equal.
    std::vector<double> betas(T), above_last(T);
    for (std::size_t t = T - 1; t > 0; --t) {
        const double drop = -schedule(static_cast<double>(t - 1)).alpha *
                            std::expm1(0.5 * std::log1p(-schedule.beta(t)));
        above_last[t - 1] = above_last[t] + drop;
        const double ratio = above_last[t] / above_last[t - 1];
        betas[t] = drop / above_last[t - 1] * (1 + ratio);
    }
    betas[0] = schedule.beta(0);
    if (last_alpha_bar > 0) {
        const double alpha = std::sqrt(schedule.alpha_bar(0)) * above_last[T - 2] / above_last[0];
        betas[T - 1] = 1 - last_alpha_bar / (alpha * alpha);
        detail::require(betas[T - 1] > 0, "diffusion::zero_terminal_snr",
                        "last_alpha_bar must lie below the alpha-bar of time T-2", last_alpha_bar);
    } else {
        betas[T - 1] = 1;
    }
    return discrete_schedule_of(std::move(betas));
}

}  // namespace diffusion
