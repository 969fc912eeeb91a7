#pragma once
// The betas of categorical diffusion, as `beta_schedule`s: t = 0 .. T-1 counts from 0, so that
// beta(0, T) is the papers' beta_1. Those of Gaussian diffusion (schedule/beta.hpp) will do as
// well.

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include <diffusion/detail/require.hpp>

namespace diffusion {

/// beta_t = 1 / (T - t + 1) for t = 1 .. T, so that the share of what is kept falls in a straight
/// line, prod (1 - beta) = 1 - t/T, and ends at exactly 0 (Sohl-Dickstein et al. 2015, section
/// 2.4.1; Austin et al. 2021, appendix A.2.2). With an absorbing state it is also their mutual
/// information schedule, whatever the data (appendix A.7).
struct reciprocal_beta {
    double operator()(std::size_t t, std::size_t T) const { return 1 / static_cast<double>(T - t); }
};

/// prod_{j <= t} (1 - beta_j) = f(t/T) / f(0), f(u) = cos(pi/2 (u + s)/(1 + s)), each beta at most
/// `cap` (Hoogeboom et al. 2021, multinomial diffusion; Austin et al. 2021, section 4 for their
/// uniform process). The cosine is not squared here, as it is in `cosine_beta`, where it is the
/// signal's power. cap = 1 is the equation as printed: nothing is kept in the end.
struct multinomial_cosine_beta {
    double s = 0.008, cap = 0.999;
    double operator()(std::size_t t, std::size_t T) const {
        constexpr const char* function = "diffusion::multinomial_cosine_beta";
        detail::require(s >= 0 && s < std::numeric_limits<double>::infinity(), function,
                        "s must be finite and not negative", s);
        detail::require(cap > 0 && cap <= 1, function, "cap must lie in (0, 1]", cap);
        if (t + 1 == T) return cap;  // f(1) = 0
        // With a and b the two angles: 1 - cos b / cos a = 2 sin((b - a)/2) sin((b + a)/2) / cos a,
        // without cancellation.
        const double per_step = std::numbers::pi / 2 / (1 + s) / static_cast<double>(T);
        const double a = std::numbers::pi / 2 * s / (1 + s) + per_step * static_cast<double>(t);
        const double beta = 2 * std::sin(per_step / 2) * std::sin(a + per_step / 2) / std::cos(a);
        return beta < cap ? beta : cap;
    }
};

}  // namespace diffusion
