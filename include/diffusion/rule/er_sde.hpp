#pragma once
// L4: ER-SDE-Solver, exponential integrators of the SDEs between the flow and the reverse process.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

/// The noise scale function that Cui et al. (2023) recommend.
struct er_sde_noise_scale {
    double operator()(double x) const { return x * (std::exp(std::pow(x, 0.3)) + 10); }
};

/// phi(x) = x: no noise.
struct er_sde_flow {
    double operator()(double x) const { return x; }
};

/// phi(x) = x^2: the reverse SDE.
struct er_sde_reverse {
    double operator()(double x) const { return x * x; }
};

/// ER-SDE-Solver-K (Cui et al. 2023), K = 1, 2, 3: exponential integrators of an
/// SDE between the flow and the reverse process. With y = x/alpha, rho = sigma/alpha and r =
/// phi(rho_s)/phi(rho_t),
///
///     y_s = r y_t + phi(rho_s) int_{rho_s}^{rho_t} D(rho) phi'/phi^2 drho
///           + sqrt(rho_s^2 - r^2 rho_t^2) z,
///
/// with the Taylor polynomial of D = x0-hat in rho at rho_t. `phi` says how much noise there is: x
/// for the flow (K = 1 is DDIM), x^2 for the reverse SDE (K = 1 is ancestral sampling), or any phi
/// for which phi(x)/x does not fall. By parts
///
///     phi(rho_s) int (rho - rho_t)^k phi'/phi^2 drho
///         = (rho_s - rho_t)^k + k phi(rho_s) int (rho - rho_t)^{k-1}/phi drho,
///
/// so that no derivative is needed; the integral by Gauss-Legendre with 16 points in log(rho), at
/// set-up.
///
/// For D' the published K = 3 takes the difference of the two latest D, and so has order 2; `exact`
/// puts the polynomial through all three, order 3. Orders are those of phi(x) = x; with noise the
/// weak order, as measured on Gaussian data, is 1 for K = 1 and 2 for K = 2. One evaluation a step;
/// the first step and the one to clean data have order 1. Throws std::invalid_argument for a phi
/// that is not positive or for which phi(x)/x falls.
template <std::size_t K, class Phi = er_sde_noise_scale>
struct er_sde {
    static_assert(K >= 1 && K <= 3, "diffusion::er_sde: K must be 1, 2 or 3");
    Phi phi{};
    bool exact = false;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = prediction::data;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        constexpr const char* function = "diffusion::er_sde";
        const node& t = seen[0];
        if (s.sigma == 0) return {0, {s.alpha}, 0};
        // At alpha = 0 the limit of phi(x)/x counts.
        const double rho_t = t.alpha > 0 ? t.sigma / t.alpha : 1e300, rho_s = s.sigma / s.alpha;
        const double phi_t = phi(rho_t), phi_s = phi(rho_s), d = rho_s - rho_t;
        detail::require(phi_s > 0 && phi_t > 0, function, "phi must be positive", phi_s);
        const double r = phi_s / phi_t, kept = r * (rho_t / rho_s);
        detail::require(kept <= 1 + 1e-13, function,
                        "phi(x)/x must not fall with x; its share over a step must not exceed 1",
                        kept);
        const double fresh = (1 - kept) * (1 + kept);
        // What rounding leaves of an ODE's fresh noise is none: no noise is drawn for it.
        const double std = fresh > 1e-13 ? s.sigma * std::sqrt(fresh) : 0;

        // Nodes and moments in units of the step, u = (rho - rho_t)/d.
        std::array<double, K> u{}, moments{1 - r};
        std::size_t count = 1;
        for (; t.alpha > 0 && count < seen.size() && count < K && seen[count].alpha > 0; ++count)
            u[count] = (seen[count].sigma / seen[count].alpha - rho_t) / d;
        const double length = std::log(rho_s / rho_t);
        for (std::size_t k = 1; k < count; ++k)
            moments[k] = 1 - static_cast<double>(k) * detail::gauss_legendre([&](double v) {
                                 const double rho = rho_t * std::exp(v * length);
                                 return std::pow((rho - rho_t) / d, static_cast<double>(k - 1)) *
                                        (phi_s / phi(rho)) * (rho * length / d);
                             });
        if constexpr (K == 3)
            if (count == 3 && !exact) moments[2] += u[1] * moments[1];  // u^2 for u (u - u_1)
        gaussian_kernel<K> kernel{s.sigma / t.sigma * kept,
                                  detail::lagrange_weights(u, count, moments), std};
        for (double& b : kernel.b) b *= s.alpha;
        return kernel;
    }
};

}  // namespace diffusion
