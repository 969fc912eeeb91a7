#pragma once
// L1: flow matching with more time spent at high noise, as large pictures need.

#include <cmath>
#include <limits>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// The time of the straight line at which sigma/alpha is `shift` times that of t:
/// shift t / (1 + (shift - 1) t) (Esser et al. 2024, eq. 23, shift = sqrt(m/n) for m pixels instead
/// of n).
inline double shifted_time(double t, double shift) {
    detail::require_unit_time(t, "diffusion::shifted_time");
    detail::require(shift > 0 && shift < std::numeric_limits<double>::infinity(),
                    "diffusion::shifted_time", "the shift must be finite and positive", shift);
    return shift * t / (shift * t + (1 - t));
}

/// `flow_schedule` run through by `shifted_time`: sigma/alpha = shift t/(1 - t). The network is
/// told the t of before the shift; where it wants the shifted one, put `shifted_times` on
/// `flow_schedule`. t in [0, 1].
struct shifted_flow_schedule {
    double shift = 1;

    noise_level operator()(double t) const {
        detail::require_unit_time(t, "diffusion::shifted_flow_schedule");
        detail::require(shift > 0 && shift < std::numeric_limits<double>::infinity(),
                        "diffusion::shifted_flow_schedule", "the shift must be finite and positive",
                        shift);
        const double whole = shift * t + (1 - t);
        return {(1 - t) / whole, shift * t / whole, std::log1p(-t) - std::log(t) - std::log(shift)};
    }
    double t_min() const { return 0; }
    double t_max() const { return 1; }
};

}  // namespace diffusion
