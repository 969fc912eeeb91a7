#pragma once
// Churn as diffusers has it: the network is asked before the noise is added.

#include <algorithm>
#include <cmath>
#include <functional>

#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/stages.hpp>

namespace golden {

/// x0-hat = skip x + out F, where F is what the network says at x.
struct affine_reading {
    double skip, out;
};

/// Euler's step from sigma_hat = (1 + gamma) sigma, where the state is x + std z but F was asked
/// for at (x, sigma). `reading` tells x0-hat from F at a sigma; the reference takes it at sigma_hat
/// (risen) or at the old sigma. In sigma space.
struct published_churn {
    diffusion::churn how;
    std::function<affine_reading(double)> reading;
    bool risen;
    static constexpr std::size_t evaluations = 1;
    static constexpr diffusion::prediction combines = diffusion::prediction::data;

    diffusion::stages<1> operator()(const diffusion::grid_step& step) const {
        const double sigma = step.t.sigma;
        const bool stirs = sigma >= how.from && sigma <= how.to;
        const double most = std::min(how.amount / static_cast<double>(step.n), std::sqrt(2.0) - 1);
        const double hat = (1 + (stirs ? most : 0)) * sigma;
        const double std = how.noise * std::sqrt(hat * hat - sigma * sigma);
        const affine_reading asked = reading(sigma), read = reading(risen ? hat : sigma);
        // F = (D - skip x)/out, then x0 = skip' (x + std z) + out' F, then a step of Euler's
        const double gain = read.out / asked.out, h = step.s.sigma / hat - 1;
        return {1,
                {1, {}, 0},
                {step.t},
                {{{1 + h * (1 - read.skip + gain * asked.skip),
                   {-h * gain},
                   std * (1 + h * (1 - read.skip))}}}};
    }
};

}  // namespace golden
