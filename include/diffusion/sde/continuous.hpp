#pragma once
// The SDEs of the schedules in continuous time, f and g^2 in closed form.

#include <cmath>
#include <numbers>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/sub_vp.hpp>
#include <diffusion/sde/sde.hpp>

namespace diffusion {

namespace detail {

/// beta(t) of `vp_linear` and `sub_vp_linear`; asks the schedule first, which checks t and itself.
template <class Schedule>
double linear_beta_at(const Schedule& schedule, double t) {
    schedule(t);
    return schedule.beta_min + t * (schedule.beta_max - schedule.beta_min);
}

}  // namespace detail

/// The variance-preserving SDE, dx = -beta(t)/2 x dt + sqrt(beta(t)) dw: the limit of DDPM (Song et
/// al. 2021, eq. 11 and 32).
struct vp_sde {
    vp_linear marginal = {};

    double drift(double t) const { return -0.5 * detail::linear_beta_at(marginal, t); }
    double diffusion(double t) const { return std::sqrt(detail::linear_beta_at(marginal, t)); }
};

/// The sub-VP SDE: the same drift, and g^2 = beta(t) (1 - alpha_t^4), so that its variance is at
/// most that of VP (Song et al. 2021, eq. 12; alpha_t^4 = exp(-2 int_0^t beta)). g = 0 at t = 0.
struct sub_vp_sde {
    sub_vp_linear marginal = {};

    double drift(double t) const { return -0.5 * detail::linear_beta_at(marginal, t); }
    double diffusion(double t) const {
        // 1 - alpha^4 = (1 - alpha^2) (1 + alpha^2), and sigma is 1 - alpha^2 with all its digits.
        const double sigma = marginal(t).sigma;
        return std::sqrt(detail::linear_beta_at(marginal, t) * sigma * (2 - sigma));
    }
};

/// The variance-exploding SDE, dx = sigma_t sqrt(2 log(sigma_max/sigma_min)) dw: the limit of
/// NCSN's geometric sequence (Song et al. 2021, eq. 9 and 30).
///
/// It begins with sigma_0 = sigma_min, not with 0, as their eq. 31 does: f and g carry that on.
struct ve_sde {
    ve_geometric marginal = {};

    double drift(double t) const {
        marginal(t);
        return 0;
    }
    double diffusion(double t) const {
        const double ratio = std::log(marginal.sigma_max / marginal.sigma_min);
        return marginal(t).sigma * std::sqrt(2 * ratio);
    }
};

/// The variance-preserving SDE of the cosine schedule (Nichol and Dhariwal 2021, eq. 17, in
/// continuous time): log alpha = log cos u + const with u = pi/2 (t + s)/(1 + s), so that
/// f = -u' tan u, and g^2 = -2 f as for every process that keeps the variance. Not at t = 1, where
/// alpha = 0 and f is not finite.
struct cosine_sde {
    vp_cosine marginal = {};

    double drift(double t) const {
        detail::require(marginal(t).alpha > 0, "diffusion::cosine_sde",
                        "the drift is not finite where alpha = 0; t must be below 1", t);
        const double rate = std::numbers::pi / 2 / (1 + marginal.s);
        return -rate * std::tan(rate * (t + marginal.s));
    }
    double diffusion(double t) const { return std::sqrt(-2 * drift(t)); }
};

/// sigma_t = t: dx = sqrt(2 t) dw (Karras et al. 2022, eq. 6 with their choice of sigma, and with
/// beta = sigma'/sigma, for which both of its drifts cancel).
struct edm_sde {
    edm_schedule marginal = {};

    double drift(double t) const {
        marginal(t);
        return 0;
    }
    double diffusion(double t) const { return std::sqrt(2 * marginal(t).sigma); }
};

/// The SDE with the marginals of the straight path, alpha = 1 - t, sigma = t: f = -1/(1 - t) and
/// g^2 = 2 t/(1 - t). Not at t = 1, where alpha = 0.
struct flow_sde {
    flow_schedule marginal = {};

    double drift(double t) const {
        detail::require(marginal(t).alpha > 0, "diffusion::flow_sde",
                        "the drift is not finite where alpha = 0; t must be below 1", t);
        return -1 / (1 - t);
    }
    double diffusion(double t) const { return std::sqrt(-2 * t * drift(t)); }
};

}  // namespace diffusion
