#pragma once
// L1: a discrete schedule on a continuous time axis, as the authors of DPM-Solver read it.

#include <cmath>
#include <cstddef>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// The levels i = 0 .. T-1 of a variance-preserving discrete schedule at the times (i + 1)/T in (0,
/// 1], with log(alpha) linear in t between two of them (Lu et al. 2022a, appendix D.1). The
/// schedule itself has lambda linear there. Throws std::invalid_argument for a schedule of fewer
/// than 2 levels or with alpha = 0, and for t outside [1/T, 1].
template <discrete_noise_schedule S>
class log_alpha_linear {
public:
    explicit log_alpha_linear(S schedule) : schedule_(std::move(schedule)) {
        constexpr const char* function = "diffusion::log_alpha_linear";
        detail::require(schedule_.size() >= 2, function, "at least 2 levels are needed",
                        schedule_.size());
        const double last = schedule_(schedule_.t_max()).alpha;
        detail::require(last > 0, function, "alpha must be positive at every level", last);
    }

    noise_level operator()(double t) const {
        detail::require(t >= t_min() && t <= t_max(), "diffusion::log_alpha_linear",
                        "t must lie in [1/T, 1]", t);
        const double at = t * static_cast<double>(schedule_.size()) - 1;
        const double below = std::fmin(std::fmax(std::floor(at), 0.0), schedule_.t_max() - 1);
        return variance_preserving((below + 1 - at) * log_alpha(below) +
                                   (at - below) * log_alpha(below + 1));
    }

    double t_min() const { return 1 / static_cast<double>(schedule_.size()); }
    double t_max() const { return 1; }

private:
    /// From lambda, which is exact where alpha is close to 1: alpha^2 = 1/(1 + e^{-2 lambda}).
    double log_alpha(double i) const {
        return -0.5 * std::log1p(std::exp(-2 * schedule_(i).lambda));
    }

    S schedule_;
};

}  // namespace diffusion
