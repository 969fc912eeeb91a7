#pragma once
// L1: DDPM's discrete noise schedule, from any betas.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// alpha-bar_t = prod_{j <= t} (1 - beta_j) for t = 0 .. T-1 (Ho et al. 2020, eq. 4), alpha_t =
/// sqrt(alpha-bar_t), sigma_t = sqrt(1 - alpha-bar_t).
///
/// log(alpha-bar) is summed from log1p(-beta) with compensation, and sigma comes from expm1, so
/// that lambda and sigma keep a relative error below 1e-12 where alpha-bar is close to 1 and where
/// it is close to 0. Between two integers lambda is interpolated linearly in t; below 0 there is
/// only the clean node t = -1. Throws std::invalid_argument for T = 0, a beta outside (0, 1], a
/// beta of 1 before the last step, a t outside [0, T-1]. A last beta of exactly 1 (zero terminal
/// SNR) is allowed: alpha = 0, lambda = -inf at T-1, and so at every t that is not an integer and
/// lies above T-2.
template <class Beta = linear_beta>
class discrete_schedule {
    static_assert(beta_schedule<Beta>,
                  "diffusion::discrete_schedule: not a beta schedule; write a callable "
                  "(std::size_t t, std::size_t T) -> beta_t, each in (0, 1)");

public:
    explicit discrete_schedule(Beta beta = {}, std::size_t T = 1000) : beta_(std::move(beta)) {
        detail::require(T >= 1, "diffusion::discrete_schedule", "T must be at least 1", T);
        betas_.reserve(T);
        levels_.reserve(T);
        double log_alpha_bar = 0, carry = 0;  // Kahan's sum
        for (std::size_t t = 0; t < T; ++t) {
            const double b = beta_(t, T);
            detail::require(b > 0 && (b < 1 || (b == 1 && t + 1 == T)),
                            "diffusion::discrete_schedule",
                            "every beta must lie in (0, 1), and only the last may be 1", b);
            const double summand = std::log1p(-b) - carry;
            const double sum = log_alpha_bar + summand;
            carry = b < 1 ? (sum - log_alpha_bar) - summand : 0;
            log_alpha_bar = sum;
            betas_.push_back(b);
            levels_.push_back(variance_preserving(0.5 * log_alpha_bar));
        }
    }

    /// Level at t in [0, T-1].
    noise_level operator()(double t) const {
        detail::require(t >= t_min() && t <= t_max(), "diffusion::discrete_schedule",
                        "t must lie in [0, T-1]", t);
        const auto below = static_cast<std::size_t>(t);
        const double part = t - static_cast<double>(below);
        if (part == 0) return levels_[below];
        const double lambda = (1 - part) * levels_[below].lambda + part * levels_[below + 1].lambda;
        return variance_preserving(
            -0.5 * std::log1p(std::exp(-2 * lambda)));  // alpha^2 = 1/(1 + e^{-2 lambda})
    }

    double t_min() const { return 0; }
    double t_max() const { return static_cast<double>(size() - 1); }

    /// T, the number of noise levels.
    std::size_t size() const { return levels_.size(); }

    /// beta_t of Ho et al. (2020), t = 0 .. T-1.
    double beta(std::size_t t) const { return betas_.at(t); }

    /// alpha-bar_t of Ho et al. (2020), t = 0 .. T-1.
    double alpha_bar(std::size_t t) const { return levels_.at(t).alpha * levels_.at(t).alpha; }

private:
    Beta beta_;
    std::vector<double> betas_;
    std::vector<noise_level> levels_;
};

/// The schedule of a list of betas.
inline discrete_schedule<tabulated_beta> discrete_schedule_of(std::vector<double> betas) {
    const std::size_t T = betas.size();
    return discrete_schedule<tabulated_beta>(tabulated_beta{std::move(betas)}, T);
}

}  // namespace diffusion
