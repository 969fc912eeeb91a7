#pragma once
// L5: how long the next step of an adaptive method is.

#include <array>
#include <cmath>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// What the control of a step's length remembers: the length h in lambda to try next, and 1/error
/// of the latest attempt and of the two accepted before it.
struct step_control {
    double h;
    std::array<double, 3> inverse_errors{};
};

/// A controller of proportional, integral and derivative terms (Soederlind 2003; as in
/// k-diffusion): with e_0 = 1/error now and e_1, e_2 those of the accepted steps before, k the
/// order,
///
///     factor = e_0^{(P+I+D)/k} e_1^{-(P+2D)/k} e_2^{D/k},    factor <- 1 + atan(factor - 1),
///
/// a step is accepted if factor >= safety, and h <- factor h in any case.
struct pid_control {
    double p = 0, i = 1, d = 0, safety = 0.81;

    /// Throws std::invalid_argument unless all gains are finite and safety is positive.
    void check() const {
        constexpr const char* function = "diffusion::pid_control";
        for (const double gain : {p, i, d})
            detail::require(std::isfinite(gain), function, "gains must be finite", gain);
        detail::require(safety > 0 && std::isfinite(safety), function,
                        "safety must be finite and positive", safety);
    }

    bool operator()(double error, double order, double /*tried*/, step_control& state) const {
        const double now = 1 / (error + 1e-8);
        auto& e = state.inverse_errors;
        if (e[0] == 0) e = {now, now, now};
        e[0] = now;
        const double raw = std::pow(e[0], (p + i + d) / order) *
                           std::pow(e[1], -(p + 2 * d) / order) * std::pow(e[2], d / order);
        const double factor = 1 + std::atan(raw - 1);
        const bool accepted = factor >= safety;
        if (accepted) e = {e[0], e[0], e[1]};
        state.h *= factor;
        return accepted;
    }
};

/// Lu et al. 2022a, appendix C: a step is accepted if error <= 1, and h <- theta h
/// error^{-1/k} from the length that was tried.
struct power_control {
    double theta = 0.9;

    /// Throws std::invalid_argument unless theta lies in (0, 1].
    void check() const {
        detail::require(theta > 0 && theta <= 1, "diffusion::power_control",
                        "theta must lie in (0, 1]", theta);
    }

    bool operator()(double error, double order, double tried, step_control& state) const {
        state.h = theta * tried * std::pow(error, -1 / order);
        return error <= 1;
    }
};

}  // namespace diffusion
