#pragma once
// L4: one formula behind most fast solvers: the diffusion ODE (or SDE) in lambda, its linear part
// solved exactly, the network's past outputs extrapolated by a polynomial.

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include <diffusion/detail/require.hpp>
#include <diffusion/rule/rule.hpp>

namespace diffusion {

namespace detail {

/// The step that all exponential integrators share if the network's x0-hat is taken as constant
/// over it, x_s = a x_t + b x0-hat + c z:
///
///     a = (sigma_s/sigma_t) e^{-eta h},         h = lambda_s - lambda_t,
///     b = alpha_s (1 - e^{-(1+eta) h}),
///     c = sigma_s sqrt(1 - e^{-2 eta h}).
///
/// h is infinite where s is clean or alpha_t = 0.
inline gaussian_kernel<1> exponential_step(const node& t, const node& s, double eta) {
    require(eta >= 0, "diffusion::exponential_step", "eta must not be negative", eta);
    const double h = s.lambda - t.lambda;
    const double eta_h = eta == 0 ? 0 : eta * h;  // 0 * inf is not wanted
    return {s.sigma / t.sigma * std::exp(-eta_h),
            {-s.alpha * std::expm1(-(h + eta_h))},
            s.sigma * std::sqrt(0 - std::expm1(-2 * eta_h))};
}

/// Phi_k(z) = int_0^1 e^{-z(1-u)} u^k du for k = 0 .. K-1. By parts, Phi_k = (1 - k Phi_{k-1})/z,
/// which cancels for small |z|; there the series k! sum_m (-z)^m/(k+m+1)! is used.
template <std::size_t K>
std::array<double, K> exponential_moments(double z) {
    std::array<double, K> phi{};
    for (std::size_t k = 0; k < K; ++k) {
        if (std::abs(z) < 1) {
            double summand = 1 / static_cast<double>(k + 1);
            for (std::size_t m = 1; m <= 20; ++m) {
                phi[k] += summand;
                summand *= -z / static_cast<double>(k + m + 1);
            }
        } else {
            phi[k] = k == 0 ? -std::expm1(-z) / z : (1 - static_cast<double>(k) * phi[k - 1]) / z;
        }
    }
    return phi;
}

/// Coefficients of the j-th Lagrange polynomial on the nodes u_0 .. u_{count-1}:
/// l_j(u) = sum_k result[k] u^k.
template <std::size_t K>
std::array<double, K> lagrange_basis(const std::array<double, K>& u, std::size_t count,
                                     std::size_t j) {
    std::array<double, K> poly{1};
    std::size_t degree = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i == j) continue;
        const double scale = 1 / (u[j] - u[i]);  // multiply by (u - u_i)/(u_j - u_i)
        ++degree;
        for (std::size_t k = degree; k > 0; --k) poly[k] = scale * (poly[k - 1] - u[i] * poly[k]);
        poly[0] *= -scale * u[i];
    }
    return poly;
}

}  // namespace detail

/// Exponential Adams-Bashforth of order K: with D_j the stored predictions and l_j the Lagrange
/// basis on their lambdas,
///
///   data:   x_s = (sigma_s/sigma_t) e^{-eta h} x_t + sum_j b_j x0-hat_j
///                 + sigma_s sqrt(1 - e^{-2 eta h}) z,
///           b_j = (1+eta) alpha_s int e^{-(1+eta)(lambda_s - lambda)} l_j(lambda) dlambda
///
///   noise:  x_s = (alpha_s/alpha_t) x_t + sum_j b_j eps-hat_j,
///           b_j = -sigma_s int e^{lambda_s - lambda} l_j(lambda) dlambda
///
/// with the integrals from lambda_t to lambda_s, h = lambda_s - lambda_t
/// (variation of constants; Lu et al. 2022a, prop. 3.1, 2022b, prop. 4.1; Hochbruck and Ostermann
/// 2010, section 2.5). It is
///
///   data, K = 1   DDIM (eta = 0) and DDPM (eta = 1)
///   data, K = 2   DPM-Solver++ 2M, "heun"
///   data, K = 3   DPM-Solver++ 3M with the full quadratic term
///   noise, K      DEIS in the log-rho basis
///   eta = 1       the SDE forms
///
/// Order K (deterministic), one evaluation a step. Exact but not damped: on coarse grids a published
/// form such as `dpm_solver_pp_2m` can be the more robust one. A step of infinite h (from alpha = 0,
/// or to clean data) has order 1.
/// Throws std::invalid_argument for eta < 0, and for eta > 0 with noise prediction.
template <std::size_t K, prediction Prediction = prediction::data>
struct exponential_adams {
    static_assert(K >= 1 && K <= 4, "diffusion::exponential_adams: the order must lie in 1 .. 4");
    static_assert(
        Prediction != prediction::data_and_noise,
        "diffusion::exponential_adams: extrapolate either prediction::data or prediction::noise");

    double eta = 0;
    static constexpr std::size_t order = K;
    static constexpr prediction extrapolates = Prediction;

    gaussian_kernel<K> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        constexpr bool data = Prediction == prediction::data;
        detail::require(data || eta == 0, "diffusion::exponential_adams",
                        "eta must be 0 for noise prediction", eta);
        const double h = s.lambda - t.lambda;
        const gaussian_kernel<1> first = detail::exponential_step(t, s, eta);
        gaussian_kernel<K> kernel{data ? first.a : s.alpha / t.alpha, {}, data ? first.c : 0};

        // Nodes in units of the step, u = (lambda - lambda_t)/h: t stands at 0 and s at 1.
        std::array<double, K> u{};
        std::size_t count = 0;
        while (count < seen.size() && count < K && std::isfinite(seen[count].lambda) &&
               std::isfinite(h)) {
            u[count] = (seen[count].lambda - t.lambda) / h;
            ++count;
        }
        if (count <= 1) {
            kernel.b[0] = data ? first.b[0] : s.sigma - kernel.a * t.sigma;
            return kernel;
        }
        const double rate = data ? 1 + eta : -1;
        const double factor = data ? rate * s.alpha * h : -s.sigma * h;
        const std::array<double, K> moments = detail::exponential_moments<K>(rate * h);
        for (std::size_t j = 0; j < count; ++j) {
            const std::array<double, K> basis = detail::lagrange_basis(u, count, j);
            for (std::size_t k = 0; k < count; ++k) kernel.b[j] += factor * basis[k] * moments[k];
        }
        return kernel;
    }
};

}  // namespace diffusion
