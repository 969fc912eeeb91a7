#pragma once
// L3: what a network is told about the noise level. Passed as second argument to predicts_noise and
// its kin; any callable node -> double will do.

#include <cmath>

#include <diffusion/grid/time_grid.hpp>

namespace diffusion {

/// The time of the schedule, as it stands: the index 0 .. T-1 of a discrete schedule. The default.
struct sees_time {
    double operator()(const node& t) const { return t.t; }
};

/// The index of a discrete schedule as a continuous time in (0, 1]: (t + 1)/T, which is the paper's
/// t/T.
struct sees_continuous_time {
    double T = 1000;
    double operator()(const node& t) const { return (t.t + 1) / T; }
};

/// A multiple of the schedule's time; networks trained by flow matching often see 1000 t.
struct sees_scaled_time {
    double factor = 1000;
    double operator()(const node& t) const { return factor * t.t; }
};

/// sigma_t. With alpha = 1 this is the sigma of Karras et al. (2022).
struct sees_sigma {
    double operator()(const node& t) const { return t.sigma; }
};

/// The log signal-to-noise ratio log(alpha^2/sigma^2) = 2 lambda (Kingma et al. 2021).
struct sees_log_snr {
    double operator()(const node& t) const { return 2 * t.lambda; }
};

}  // namespace diffusion
