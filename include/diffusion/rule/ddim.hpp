#pragma once
// L4: DDIM in three forms: plain, as published with clipping, and backwards.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

namespace detail {

/// The split of sigma_s^2 between fresh noise and the direction that points to x_t (Song, Meng,
/// Ermon 2021, eq. 12).
struct ddim_split {
    double direction;  ///< sqrt(sigma_s^2 - std^2), the weight of eps-hat
    double std = 0;    ///< eq. (16), the weight of z

    /// Eq. (16) is eta sqrt((1 - alpha-bar_s)/(1 - alpha-bar_t)) sqrt(1 - alpha-bar_t/alpha-bar_s).
    /// In lambda, with h = lambda_s - lambda_t, it reads eta sigma_s sqrt(1 - e^{-2h}).
    ddim_split(const node& t, const node& s, double eta) : direction(s.sigma) {
        require(eta >= 0, "diffusion::ddim", "eta must not be negative", eta);
        if (eta == 0 || s.sigma == 0) return;
        const double h = s.lambda - t.lambda;
        std = eta * s.sigma * std::sqrt(-std::expm1(-2 * h));
        // (direction/sigma_s)^2 = 1 - eta^2 (1 - e^{-2h}), without the cancellation of a long step
        const double rest = (1 - eta) * (1 + eta) + eta * eta * std::exp(-2 * h);
        require(rest >= -1e-14, "diffusion::ddim",
                "eta asks for more noise than the next level has", eta);
        direction *= rest > 0 ? std::sqrt(rest) : 0;  // negative by rounding only
    }
};

}  // namespace detail

/// DDIM (Song, Meng, Ermon 2021, eq. 12): x_s = alpha_s x0-hat + sqrt(sigma_s^2 - std^2) eps-hat +
/// std z. eta = 0 is deterministic, eta = 1 is DDPM's ancestral sampling, which is also Euler
/// ancestral and SDE-DPM-Solver++(1). The noise direction is the one that belongs to x0-hat:
/// eps-hat = (x_t - alpha_t x0-hat)/sigma_t, also where x0-hat was clipped; see `ddim_published`
/// for the other choice. Order 1, one evaluation a step. Throws std::invalid_argument for eta < 0,
/// and for eta > 1 where std > sigma_s.
struct ddim {
    double eta = 0;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const detail::ddim_split split(t, s, eta);
        const double a = split.direction / t.sigma;  // of x_t in eps-hat
        return {a, {s.alpha - a * t.alpha}, split.std};
    }
};

/// DDIM as the published code has it: x0-hat is clipped, but the direction is the network's own,
/// unclipped eps-hat. The two agree for a denoiser that does not clip. Kernel: m = (x0-hat, raw
/// eps-hat).
struct ddim_published {
    double eta = 0;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data_and_noise;

    gaussian_kernel<2> operator()(std::span<const node> seen, const node& s) const {
        const detail::ddim_split split(seen[0], s, eta);
        return {0, {s.alpha, split.direction}, split.std};
    }
};

/// DDIM inversion, data to noise, on an `inverted` grid: x_s = alpha_s x0-hat + sigma_s eps-hat
/// with s noisier than t (Song, Meng, Ermon 2021, section 4.3; Dhariwal and Nichol 2021, appendix
/// F). The same formula as `ddim_published` at eta = 0; the network has to give eps-hat itself,
/// since at clean data it cannot be had from x0-hat.
struct ddim_inversion {
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data_and_noise;

    gaussian_kernel<2> operator()(std::span<const node> seen, const node& s) const {
        return ddim_published{}(seen, s);
    }
};

}  // namespace diffusion
