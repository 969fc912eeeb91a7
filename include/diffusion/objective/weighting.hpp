#pragma once
// L3: how much each noise level counts in the loss.

#include <cmath>
#include <concepts>
#include <limits>

#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/objective/target.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// SNR = alpha^2/sigma^2 = e^{2 lambda}.
inline double signal_to_noise(const noise_level& t) { return std::exp(2 * t.lambda); }

// A weighting is a callable snr -> weight of the *noise* loss ||eps - eps-hat||^2; `loss_weight`
// converts it for the other targets, whose errors are multiples of the same error:
//     ||eps - eps-hat||^2 = SNR ||x_0 - x_0-hat||^2 = sigma^2 ||score - score-hat||^2,
//     and for alpha^2 + sigma^2 = 1   ||v - v-hat||^2 = (SNR + 1) ||x_0 - x_0-hat||^2.

/// L_simple (Ho et al. 2020, eq. 14): the noise loss counts the same at every level, which weights
/// the data loss by SNR, and the score's by sigma^2 (Song and Ermon 2019, eq. 6).
struct snr_weighting {
    double operator()(double) const { return 1; }
};

/// Min-SNR-gamma (Hang et al. 2023): the data loss is weighted by min(SNR, gamma), the noise loss
/// by min(1, gamma/SNR). Throws std::invalid_argument unless gamma is positive.
struct min_snr_weighting {
    double gamma = 5;
    double operator()(double snr) const {
        detail::require(gamma > 0, "diffusion::min_snr_weighting", "gamma must be positive", gamma);
        return snr <= gamma ? 1 : gamma / snr;
    }
};

/// P2 (Choi et al. 2022, eq. 8): the noise loss is weighted by 1/(k + SNR)^gamma. Throws
/// std::invalid_argument unless gamma is finite and not negative, and k positive: at pure noise SNR
/// is 0.
struct p2_weighting {
    double gamma = 1, k = 1;
    double operator()(double snr) const {
        detail::require(gamma >= 0 && std::isfinite(gamma), "diffusion::p2_weighting",
                        "gamma must be finite and not negative", gamma);
        detail::require(k > 0, "diffusion::p2_weighting", "k must be positive", k);
        return std::pow(k + snr, -gamma);
    }
};

/// The network's own squared error counts the same at every level, whatever its target is. The
/// usual choice for velocity (Salimans and Ho 2022, "SNR+1 weighting") and flow.
struct unweighted {
    constexpr double operator()(target, const noise_level&) const { return 1; }
};

/// A weighting of the noise loss as a function of SNR or of the node, or of each target's own loss
/// by itself.
template <class W>
concept loss_weighting = requires(const W& weighting, double snr) {
    { weighting(snr) } -> std::convertible_to<double>;
}
|| requires(const W& weighting, const node& t) {
    { weighting(t) } -> std::convertible_to<double>;
}
|| requires(const W& weighting, target kind, const noise_level& t) {
    { weighting(kind, t) } -> std::convertible_to<double>;
};

namespace detail {

/// The weight of this target's loss that goes with the weight w of the noise loss.
inline double weight_of_target(double w, target kind, const noise_level& t) {
    const double snr = signal_to_noise(t);
    if (kind == target::noise || w == 0) return w;
    switch (kind) {
        case target::velocity:
            return w / ((1 + 1 / snr) * (t.alpha * t.alpha + t.sigma * t.sigma));
        case target::flow:
            return w * (t.alpha / (t.alpha + t.sigma)) * (t.alpha / (t.alpha + t.sigma));
        case target::score:
            return w * t.sigma * t.sigma;
        default:
            return w * snr;
    }
}

inline void require_noise(const noise_level& t) {
    require(t.sigma > 0, "diffusion::loss_weight", "the SNR must be finite; sigma must be positive",
            t.sigma);
}

}  // namespace detail

/// The factor by which the squared error of a network with this target is multiplied at level t, so
/// that all targets minimise the same loss. For `target::flow` the error is (1 + alpha/sigma)^2
/// times that of x_0. A weighting that asks for the node needs one.
template <loss_weighting W>
double loss_weight(const W& weighting, target kind, const noise_level& t) {
    if constexpr (requires { weighting(kind, t); }) {
        return weighting(kind, t);
    } else {
        detail::require_noise(t);
        return detail::weight_of_target(weighting(signal_to_noise(t)), kind, t);
    }
}
template <loss_weighting W>
double loss_weight(const W& weighting, target kind, const node& t) {
    if constexpr (requires { weighting(t); }) {
        detail::require_noise(t);
        return detail::weight_of_target(weighting(t), kind, t);
    } else {
        return loss_weight(weighting, kind, noise_level(t));
    }
}

}  // namespace diffusion
