#pragma once
// The last step of Sohl-Dickstein et al. (2015), which is not learned.

#include <cmath>
#include <numbers>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// The decoder that makes `variational_bound` the bound K of Sohl-Dickstein et al. (2015, eq. 14),
/// K = -total. To avoid what they call edge effects (their appendix B.2) the step from x_1 to x_0
/// is the forward step run backwards,
///
///     p(x_0 | x_1) = q(x_1 | x_0) pi(x_0) / pi(x_1) = N(x_0; alpha_1 x_1, sigma_1^2)
///
/// with pi = N(0, I), for variance-preserving levels. On data of variance 1 along each axis log
/// pi(x_0) and log pi(x_1) are equal on average, and what is left is E log q(x_1 | x_0) = -H_q(X_1
/// | X_0), the same for all data: -log(2 pi e sigma_1^2)/2 for each element. The bound's L_T is
/// then H_p(X_T) - H_q(X_T | X_0) on average, and its other terms are the divergences, so that
///
///     K = -sum_t KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))
///         + H_q(X_T | X_0) - H_q(X_1 | X_0) - H_p(X_T).
///
/// It costs H(X_1) - H(X_0), next to nothing if sigma_1 is small beside the finest detail of the
/// data. beta_1 = sigma_1^2 may not be learned: K would grow beyond all bounds on data that are
/// points, by making it small (the paper's section 2.4.1).
struct edge_step {
    double sigma_1;

    /// `level_1`: of x_1, the grid's last node before clean data. Throws std::invalid_argument
    /// unless it is noisy.
    explicit edge_step(const noise_level& level_1) : sigma_1(level_1.sigma) {
        detail::require(sigma_1 > 0, "diffusion::edge_step", "sigma_1 must be positive", sigma_1);
    }

    double operator()(double, double, double) const {
        return -0.5 * std::log(2 * std::numbers::pi * std::numbers::e) - std::log(sigma_1);
    }
};

}  // namespace diffusion
