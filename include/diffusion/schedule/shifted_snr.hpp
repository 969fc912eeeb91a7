#pragma once
// L1: betas whose signal-to-noise ratio is divided by a constant.

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace diffusion {

/// The same schedule with alpha^2/sigma^2 divided by `factor` at every time, so that lambda falls
/// by log(factor)/2 (Hoogeboom, Heek, Salimans 2023, section 3.1; CogVideoX, Yang et al. 2024, with
/// 3, before `zero_terminal_snr`): alpha-bar' = alpha-bar/(factor + (1 - factor) alpha-bar), for
/// which
///
///     beta'_t = factor beta_t/(factor + (1 - factor) alpha-bar_t).
///
/// Throws std::invalid_argument unless the factor is finite and positive.
template <class Beta>
discrete_schedule<tabulated_beta> shifted_snr(const discrete_schedule<Beta>& schedule,
                                              double factor) {
    detail::require(factor > 0 && factor < std::numeric_limits<double>::infinity(),
                    "diffusion::shifted_snr", "the factor must be finite and positive", factor);
    std::vector<double> betas(schedule.size());
    for (std::size_t t = 0; t < betas.size(); ++t)
        betas[t] = factor * schedule.beta(t) / (factor + (1 - factor) * schedule.alpha_bar(t));
    return discrete_schedule_of(std::move(betas));
}

}  // namespace diffusion
