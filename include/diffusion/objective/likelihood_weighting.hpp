#pragma once
// L3: the weighting with which a score loss bounds the likelihood.

#include <cmath>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// Likelihood weighting (Song et al. 2021b, theorem 1): the score loss is weighted by g(t)^2, the
/// squared diffusion coefficient of the forward SDE, so that half of its integral over t, a
/// constant aside, bounds -log p(x_0). The noise loss is then weighted by g(t)^2/sigma_t^2, which
/// is -2 dlambda/dt whatever the schedule, since
///
///     g^2 = d(sigma^2)/dt - 2 (d log alpha/dt) sigma^2 = -2 sigma^2 dlambda/dt
///
/// (Kingma et al. 2021, eqs. 17-18). `g_squared` is any callable t -> g(t)^2. It grows without
/// bound where sigma falls to 0: see `uniform_in_lambda`.
template <class G>
struct likelihood_weighting {
    G g_squared;

    double operator()(const node& t) const { return g_squared(t.t) / (t.sigma * t.sigma); }
};
template <class G>
likelihood_weighting(G) -> likelihood_weighting<G>;

/// The importance sampling that belongs to it: times with density proportional to g(t)^2/sigma_t^2
/// between t_clean and t_noisy (Song et al. 2021b, section 4.1), that is, uniform in lambda. All
/// noise losses then count the same (`snr_weighting`), and
///
///     E_uniform t [(g^2/sigma^2) L(t)] = factor() E_uniform lambda [L(t)].
///
/// A time distribution of a continuous schedule. Throws std::invalid_argument unless t_clean <
/// t_noisy; both ends need a finite lambda.
template <noise_schedule S>
struct uniform_in_lambda {
    S schedule;
    double t_clean, t_noisy;

    explicit uniform_in_lambda(S schedule_, double t_clean_, double t_noisy_)
        : schedule(std::move(schedule_)), t_clean(t_clean_), t_noisy(t_noisy_) {
        constexpr const char* function = "diffusion::uniform_in_lambda";
        detail::require(t_clean < t_noisy, function, "t_noisy must exceed t_clean", t_noisy);
        for (const double t : {t_clean, t_noisy})
            detail::require(std::isfinite(schedule(t).lambda), function,
                            "lambda must be finite at both ends; it is not at time", t);
    }

    double operator()(double u) const {
        const double clean = schedule(t_clean).lambda, noisy = schedule(t_noisy).lambda;
        return time_of_lambda(schedule, (1 - u) * clean + u * noisy);
    }

    /// 2 (lambda(t_clean) - lambda(t_noisy))/(t_noisy - t_clean)
    double factor() const {
        return 2 * (schedule(t_clean).lambda - schedule(t_noisy).lambda) / (t_noisy - t_clean);
    }
};

}  // namespace diffusion
