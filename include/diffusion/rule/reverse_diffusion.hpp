#pragma once
// L4: the time-reversed SDE, discretised as the forward one is.

#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// The reverse diffusion sampler (Song et al. 2021, eq. 46, and algorithms 2 and 3 for VE and VP):
/// where the forward process takes x_t = A x_s + G z, this one takes
///
///     x_s = (2 - A) x_t + G^2 score + G z,    score = (alpha_t x0-hat - x_t)/sigma_t^2.
///
/// With alpha = 1 that is `ddpm` with the large variance. Order 1 (weak), one evaluation a step;
/// with alpha < 1 the marginals are transported only in the limit of short steps. No noise in the
/// step to clean data, as they advise (appendix G); noise_at_end = true adds it, as some code does.
///
/// eta = 0 discretises the probability-flow ODE in the same way, x_s = (2 - A) x_t + G^2/2 score
/// (their appendix D.3), and between them score has the weight (1 + eta^2)/2 G^2 and z has eta G, as
/// in `reverse_time`. Throws std::invalid_argument for an eta that is negative or not finite.
struct reverse_diffusion {
    bool noise_at_end = false;
    double eta = 1;
    static constexpr std::size_t order = 1;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const gaussian_kernel<0> forward = forward_kernel(s, t);
        detail::require(eta >= 0 && std::isfinite(eta), "diffusion::reverse_diffusion",
                        "eta must be finite and not negative", eta);
        const double ratio = forward.c / t.sigma;
        const double drift = 0.5 * (1 + eta * eta) * ratio * ratio;  // of G^2/sigma_t^2
        return {2 - forward.a - drift,
                {drift * t.alpha},
                s.sigma > 0 || noise_at_end ? eta * forward.c : 0};
    }
};

}  // namespace diffusion
