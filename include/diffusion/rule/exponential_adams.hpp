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

/// How a method of two predictions weighs their difference: by the exact integral Phi_1 of u over
/// the step ("heun"), or by a constant that differs from it by O(h) and damps.
enum class two_node_form {
    midpoint,   ///< Phi_0/2: DPM-Solver's "midpoint" and the "bh2" of UniPC
    heun,       ///< exact
    unweighted  ///< 1/2, as if the weight were 1: the "bh1" of UniPC, and SA-Solver
};

namespace detail {

/// The step that all exponential integrators share if the network's x0-hat is taken as constant
/// over it, x_s = a x_t + b x0-hat + c z:
///
///     a = (sigma_s/sigma_t) e^{-eta h},         h = lambda_s - lambda_t,
///     b = alpha_s (1 - e^{-(1+eta) h}),
///     c = sigma_s sqrt(1 - e^{-2 eta h}).
///
/// h is infinite where s is clean or alpha_t = 0.
///
/// What eta does is to go too far, to a cleaner level r with lambda_r = lambda_s + eta h, and to be
/// noised back to s by q(x_s | x_r). Any way to choose r is a method of its own; this takes eta h.
inline gaussian_kernel<1> exponential_step_beyond(const node& t, const node& s, double eta_h) {
    const double h = s.lambda - t.lambda;
    return {s.sigma / t.sigma * std::exp(-eta_h),
            {-s.alpha * std::expm1(-(h + eta_h))},
            s.sigma * std::sqrt(0 - std::expm1(-2 * eta_h))};
}
inline gaussian_kernel<1> exponential_step(const node& t, const node& s, double eta) {
    require(eta >= 0, "diffusion::exponential_step", "eta must not be negative", eta);
    require(eta < HUGE_VAL, "diffusion::exponential_step", "eta must be finite", eta);
    return exponential_step_beyond(t, s, eta == 0 ? 0 : eta * (s.lambda - t.lambda));
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

/// Puts Phi_1 into one of its forms where the polynomial goes through two predictions.
struct first_moment {
    two_node_form form = two_node_form::heun;

    template <std::size_t K>
    void operator()(std::array<double, K>& moments, std::size_t count) const {
        if constexpr (K >= 2) {
            if (count != 2 || form == two_node_form::heun) return;
            moments[1] = form == two_node_form::midpoint ? moments[0] / 2 : 0.5;
        }
    }
};

/// Coefficients of the j-th Lagrange polynomial on the nodes u_0 .. u_{count-1}:
/// l_j(u) = sum_k result[k] u^k.
template <std::size_t K>
std::array<double, K> lagrange_basis(const std::array<double, K>& u, std::size_t count,
                                     std::size_t j) {
    std::array<double, K> poly{1};
    if constexpr (K == 1) return poly;  // GCC 12 takes what follows for a write beyond the end
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

/// Weights b_j with sum_j b_j f(u_j) = L[p], where p is the polynomial through the values f(u_0) ..
/// f(u_{count-1}) and the linear functional L takes u^k to moments[k].
template <std::size_t K>
std::array<double, K> lagrange_weights(const std::array<double, K>& u, std::size_t count,
                                       const std::array<double, K>& moments) {
    std::array<double, K> weights{};
    for (std::size_t j = 0; j < count; ++j) {
        const std::array<double, K> basis = lagrange_basis(u, count, j);
        for (std::size_t k = 0; k < count; ++k) weights[j] += basis[k] * moments[k];
    }
    return weights;
}

/// The same for an integral without weight: the Adams-Bashforth weights of a step from u = 0 to u =
/// 1, for nodes anywhere. They add up to 1.
template <std::size_t K>
std::array<double, K> adams_weights(const std::array<double, K>& u, std::size_t count) {
    return lagrange_weights(u, count, exponential_moments<K>(0));
}

/// `exponential_step` if the network's eps-hat is taken as constant instead, x_s = a x_t + b
/// eps-hat + c z:
///
///     a = alpha_s/alpha_t,
///     b = -(1+eta) sigma_s (e^h - 1)      = (1+eta) (sigma_s - a sigma_t),
///     c = sigma_s sqrt(eta (e^{2h} - 1))  = sqrt(eta ((a sigma_t)^2 - sigma_s^2)).
///
/// With eta > 0 the noise does not vanish as s becomes clean (Lu et al. 2022b, SDE-DPM-Solver-1).
inline gaussian_kernel<1> exponential_noise_step(const node& t, const node& s, double eta) {
    require(eta >= 0, "diffusion::exponential_noise_step", "eta must not be negative", eta);
    require(eta < HUGE_VAL, "diffusion::exponential_noise_step", "eta must be finite", eta);
    const double a = s.alpha / t.alpha, left = a * t.sigma;
    return {
        a, {(1 + eta) * (s.sigma - left)}, std::sqrt(eta * ((left - s.sigma) * (left + s.sigma)))};
}

/// One step t -> s of an exponential Adams method on the predictions at `nodes`, of which at most K
/// count, with `change(moments, count)` applied to the moments of the exponential weight for a
/// polynomial through `count` predictions. Where h is infinite the first prediction stands alone.
template <std::size_t K, prediction Prediction, class Change>
gaussian_kernel<K> exponential_quadrature(const node& t, const node& s, std::span<const node> nodes,
                                          double eta, Change change) {
    constexpr bool data = Prediction == prediction::data;
    const double h = s.lambda - t.lambda;
    const gaussian_kernel<1> first =
        data ? exponential_step(t, s, eta) : exponential_noise_step(t, s, eta);
    gaussian_kernel<K> kernel{first.a, {first.b[0]}, first.c};

    // Nodes in units of the step, u = (lambda - lambda_t)/h: t stands at 0 and s at 1.
    std::array<double, K> u{};
    std::size_t count = 0;
    while (count < nodes.size() && count < K && std::isfinite(nodes[count].lambda) &&
           std::isfinite(h)) {
        u[count] = (nodes[count].lambda - t.lambda) / h;
        ++count;
    }
    if (count <= 1) return kernel;
    std::array<double, K> moments = exponential_moments<K>(data ? (1 + eta) * h : -h);
    change(moments, count);
    const double factor = (1 + eta) * h * (data ? s.alpha : -s.sigma);
    kernel.b = lagrange_weights(u, count, moments);
    for (double& b : kernel.b) b *= factor;
    return kernel;
}

/// The same on the nodes seen, the current one t = seen[0] first.
template <std::size_t K, prediction Prediction, class Change>
gaussian_kernel<K> exponential_adams_step(std::span<const node> seen, const node& s, double eta,
                                          Change change) {
    return exponential_quadrature<K, Prediction>(seen[0], s, seen, eta, change);
}

/// The same with the prediction at s before them, so that K - 1 of those seen count.
template <std::size_t K, prediction Prediction, class Change>
gaussian_kernel<K> exponential_moulton_step(std::span<const node> seen, const node& s, double eta,
                                            Change change) {
    std::array<node, K> nodes{s};
    std::size_t count = 1;
    for (; count < K && count <= seen.size(); ++count) nodes[count] = seen[count - 1];
    return exponential_quadrature<K, Prediction>(
        seen[0], s, std::span<const node>(nodes.data(), count), eta, change);
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
/// Order K (deterministic), one evaluation a step. Exact but not damped: on coarse grids a
/// published form such as `dpm_solver_pp_2m` can be the more robust one. A step of infinite h (from
/// alpha = 0, or to clean data) has order 1. Throws std::invalid_argument for eta < 0, and for eta
/// > 0 with noise prediction.
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
        detail::require(Prediction == prediction::data || eta == 0, "diffusion::exponential_adams",
                        "eta must be 0 for noise prediction", eta);
        return detail::exponential_adams_step<K, Prediction>(seen, s, eta, detail::first_moment{});
    }
};

}  // namespace diffusion
