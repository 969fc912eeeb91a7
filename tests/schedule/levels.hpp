#pragma once
// The committed table of 50-digit noise levels (see levels.py) and how closely a schedule follows
// it.

#include <algorithm>
#include <cmath>
#include <string_view>

#include <diffusion/schedule/noise_level.hpp>

struct exact_level {
    std::string_view schedule;
    int T;
    double t, alpha, sigma, lambda;  // the nearest doubles to the 50 digits
};

inline constexpr exact_level exact_levels[] = {
#include "schedule/levels.inc"
};

inline double relative_error(double value, double exact) {
    return std::abs(value - exact) / std::abs(exact);
}

/// The largest relative error of alpha, sigma and lambda.
inline double relative_error(const diffusion::noise_level& level, const exact_level& exact) {
    return std::max({relative_error(level.alpha, exact.alpha),
                     relative_error(level.sigma, exact.sigma),
                     relative_error(level.lambda, exact.lambda)});
}
