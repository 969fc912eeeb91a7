#pragma once
// L4: DEIS, exponential integrators on noise with polynomials in log rho or in t.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/rule.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace diffusion {

/// DEIS with polynomials in log rho = -lambda, rho = sigma/alpha (Zhang and Chen 2023, "rho-AB"
/// with the basis of the references): exponential Adams on noise. Orders 1 to 3 are the published
/// ones.
template <std::size_t K>
using deis = exponential_adams<K, prediction::noise>;

namespace detail {

/// int_0^1 f(u) du by the Gauss-Legendre rule of 16 points, exact for polynomials up to degree 31.
template <class F>
double gauss_legendre(F f) {
    static constexpr double points[8][2] = {
        // (x, weight) on [-1, 1], and the same at -x
        {0.98940093499164993, 0.027152459411754095}, {0.94457502307323258, 0.062253523938647893},
        {0.86563120238783174, 0.095158511682492785}, {0.75540440835500303, 0.12462897125553387},
        {0.61787624440264375, 0.14959598881657673},  {0.45801677765722739, 0.16915651939500254},
        {0.28160355077925891, 0.18260341504492359},  {0.09501250983763744, 0.1894506104550685}};
    double sum = 0;
    for (const auto& [x, weight] : points) sum += weight / 2 * (f((1 - x) / 2) + f((1 + x) / 2));
    return sum;
}

}  // namespace detail

/// tAB-DEIS: the same integrals with the Lagrange basis l_j on the times (Zhang and Chen 2023, eq.
/// 14 and 15),
///
///     x_s = (alpha_s/alpha_t) x_t + alpha_s sum_j [int l_j drho] eps-hat_j,
///
/// from rho_t to rho_s, rho = sigma/alpha a function of the time. By parts int u^k drho = rho_s - k
/// int_0^1 rho u^{k-1} du for k >= 1, with u = (tau - t)/(s - t), so that no derivative of the
/// schedule is needed; the integral by Gauss-Legendre with 16 points, at set-up. Order K, one
/// evaluation a step; it is at its best with equal steps in t. A step to clean data has order 1.
/// Throws std::invalid_argument where a node of the grid is not the schedule's own at its time.
template <std::size_t K, noise_schedule S>
struct deis_in_time {
    static_assert(K >= 1 && K <= 4, "diffusion::deis_in_time: the order must lie in 1 .. 4");

    S schedule;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = prediction::noise;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        const gaussian_kernel<1> first = detail::exponential_noise_step(t, s, 0);
        gaussian_kernel<K> kernel{first.a, {first.b[0]}, 0};
        const std::size_t count = seen.size() < K ? seen.size() : K;
        if (count <= 1 || !std::isfinite(s.lambda)) return kernel;
        constexpr const char* function = "diffusion::deis_in_time";
        detail::require_own(schedule, s, function);
        std::array<double, K> u{}, moments{};
        for (std::size_t k = 0; k < count; ++k) {
            detail::require_own(schedule, seen[k], function);
            u[k] = (seen[k].t - t.t) / (s.t - t.t);
        }
        moments[0] = first.b[0] / s.alpha;  // rho_s - rho_t
        for (std::size_t k = 1; k < count; ++k)
            moments[k] = s.sigma / s.alpha - detail::gauss_legendre([&](double v) {
                             const noise_level at = schedule(t.t + v * (s.t - t.t));
                             return at.sigma / at.alpha * static_cast<double>(k) *
                                    std::pow(v, static_cast<double>(k - 1));
                         });
        kernel.b = detail::lagrange_weights(u, count, moments);
        for (double& b : kernel.b) b *= s.alpha;
        return kernel;
    }
};

}  // namespace diffusion
