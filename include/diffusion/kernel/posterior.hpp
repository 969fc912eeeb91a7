#pragma once
// L3: the forward process run backwards when x_0 is known, and the network's imitation of it.

#include <cmath>
#include <iosfwd>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// q(x_s | x_t, x_0) for s cleaner than t (Ho et al. 2020, eq. 6-7), as x_s = a x_t + b x_0 + c z.
/// With h = lambda_s - lambda_t:
///
///     a = (sigma_s/sigma_t) e^{-h},   b = alpha_s (1 - e^{-2h}),   c = sigma_s sqrt(1 - e^{-2h}).
///
/// For DDPM:
///
///     a = sqrt(1-beta_t) (1 - alpha-bar_s)/(1 - alpha-bar_t),
///     b = sqrt(alpha-bar_s) beta_t/(1 - alpha-bar_t),   c^2 = beta-tilde_t.
///
/// Holds in the limits: s clean (a = c = 0, b = 1) and alpha_t = 0 (a = 0).
/// Throws std::invalid_argument unless s is cleaner than t.
inline gaussian_kernel<1> posterior(const noise_level& t, const noise_level& s) {
    const double h = s.lambda - t.lambda;
    detail::require(h > 0, "diffusion::posterior",
                    "the second level must be cleaner than the first; lambda rises by", h);
    const double new_information = -std::expm1(-2 * h);
    return {s.sigma / t.sigma * std::exp(-h),
            {s.alpha * new_information},
            s.sigma * std::sqrt(new_information)};
}

/// The two fixed variances of p_theta(x_s | x_t) (Ho et al. 2020, section 3.2): `small` is the
/// posterior's beta-tilde_t, the right one if the data is a point; `large` is the forward step's
/// beta_t, right if the data is N(0, I).
enum class reverse_variance { small, large };

/// p_theta(x_s | x_t) = N(mean of q(x_s | x_t, x_0-hat), variance): the posterior with the
/// network's estimate for x_0. The last step, to clean data, is the mean alone (Ho et al. 2020,
/// algorithm 2: z = 0 if t = 1).
inline gaussian_kernel<1> reverse_kernel(const noise_level& t, const noise_level& s,
                                         reverse_variance variance = reverse_variance::small) {
    gaussian_kernel<1> kernel = posterior(t, s);
    if (variance == reverse_variance::large && s.sigma > 0) kernel.c = forward_kernel(s, t).c;
    return kernel;
}

/// p_theta with a learned variance between the two fixed ones (Nichol and Dhariwal 2021, eq. 15):
/// the network gives, element by element, v in [0, 1] and
///
///     log variance = v log beta_t + (1 - v) log beta-tilde_t.
struct learned_range_kernel {
    gaussian_kernel<1> mean;    ///< the posterior's a and b, with c = 0
    double log_variance_small;  ///< log beta-tilde_t, -inf at the last step
    double log_variance_large;  ///< log beta_t

    /// log variance at v.
    double log_variance(double v) const {
        if (v == 1) return log_variance_large;  // 0 * -inf is not wanted
        return v * log_variance_large + (1 - v) * log_variance_small;
    }

    /// log of the variance that is best if x_0 has mean x_0-hat and variance e^v where x_t is
    /// known: beta-tilde_t + b^2 e^v (Bao et al. 2022, "Analytic-DPM", theorem 1). Such a v does
    /// not depend on how long the step is.
    double log_variance_given_data(double v) const {
        return std::log(std::exp(log_variance_small) + mean.b[0] * mean.b[0] * std::exp(v));
    }

    /// The kernel that this becomes where v is the same everywhere; v = 0 is `small`, v = 1 is
    /// `large`. In the step to clean data it is the mean alone, as theirs.
    gaussian_kernel<1> at(double v) const {
        if (std::isinf(log_variance_small)) return mean;
        return {mean.a, mean.b, std::exp(0.5 * log_variance(v))};
    }

    friend constexpr bool operator==(const learned_range_kernel&,
                                     const learned_range_kernel&) = default;
};

template <class Char, class Traits>
std::basic_ostream<Char, Traits>& operator<<(std::basic_ostream<Char, Traits>& os,
                                             const learned_range_kernel& kernel) {
    return os << kernel.mean << ", log variance from " << kernel.log_variance_small << " to "
              << kernel.log_variance_large;
}

/// The learned-range kernel from t to s. At the last step beta-tilde is 0 and log_variance_small is
/// -inf; no noise is drawn there, and a likelihood takes the value of the step before, as the code
/// of Nichol and Dhariwal (2021) does.
inline learned_range_kernel learned_range(const noise_level& t, const noise_level& s) {
    gaussian_kernel<1> mean = posterior(t, s);
    const double small = 2 * std::log(mean.c);
    mean.c = 0;
    return {mean, small, 2 * std::log(forward_kernel(s, t).c)};
}

}  // namespace diffusion
