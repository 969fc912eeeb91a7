#pragma once
// L4: ancestral sampling as it is done with flow matching.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// Ancestral Euler on the straight path, as LTX-Video and others sample: an Euler step goes too
/// far, to the time r = s - eta s (t - s)/t, and q(x_s | x_r) adds the noise that is missing at s.
/// Times are those of the straight path, t = sigma/(alpha + sigma), so that it runs on any
/// schedule. With q = eta (1 - s/t) and rho_s = sigma_s/alpha_s,
///
///     lambda_r = lambda_s + log(1 + q rho_s) - log(1 - q).
///
/// eta = 0 is Euler (`ddim` on a flow grid). For short steps it is the SDE of the same eta, where
/// `exponential_adams<1>` has lambda_s + eta h. Order 1 (weak for eta > 0), one evaluation a step.
/// No noise in the step to clean data. Throws std::invalid_argument for eta outside [0, 1].
struct ancestral_flow {
    double eta = 1;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        detail::require(eta >= 0 && eta <= 1, "diffusion::ancestral_flow", "eta must lie in [0, 1]",
                        eta);
        const node& t = seen[0];
        if (s.sigma == 0) return detail::exponential_step(t, s, 0);
        // 1 - s/t = (rho_t - rho_s)/(rho_t (1 + rho_s)), where rho_t may be infinite
        const double q =
            eta * (1 - s.sigma / t.sigma * ((t.alpha + t.sigma) / (s.alpha + s.sigma)));
        return detail::exponential_step_beyond(t, s,
                                               std::log1p(q * s.sigma / s.alpha) - std::log1p(-q));
    }
};

}  // namespace diffusion
