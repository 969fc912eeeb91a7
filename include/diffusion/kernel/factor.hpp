#pragma once
// L3: a second distribution r(x) that samples shall obey as well, and what it makes of a step.

#include <cmath>
#include <cstddef>
#include <limits>

#include <diffusion/detail/require.hpp>
#include <diffusion/kernel/gaussian_kernel.hpp>

namespace diffusion {

/// How r enters the steps (Sohl-Dickstein et al. 2015, section 2.5): x_t is multiplied by r itself,
/// or by r^((T-t)/T), which begins with nothing and ends with r.
///
/// Neither is exact. With r_t(x_t) = E[r(x_0) | x_t] the steps would end in p(x) r(x) / Z; a
/// constant r counts anew in each step, and of data N(0, I) many small steps make p r^2. Where r
/// only says which value is right (0 or 1, or a delta), that is the same.
enum class factor_schedule { constant, annealed };

/// The power of r for the state that stands `left` of T steps before the data.
inline double factor_power(factor_schedule schedule, std::size_t left, std::size_t T) {
    detail::require(left <= T && T > 0, "diffusion::factor_power",
                    "there cannot be more steps left than there are", left);
    if (schedule == factor_schedule::constant) return 1;
    return static_cast<double>(T - left) / static_cast<double>(T);
}

/// The product of a step and r = N(x_s; y, std_r^2), which is Gaussian again: y becomes the last
/// tensor of the kernel,
///
///     mean      (std_r^2 mean_p + c^2 y) / (c^2 + std_r^2)
///     variance  c^2 std_r^2 / (c^2 + std_r^2)
///
/// std_r = 0 is a delta: x_s is y, whatever p says. std_r = inf changes nothing. Throws
/// std::invalid_argument for a negative std_r.
template <std::size_t K>
gaussian_kernel<K + 1> multiplied(const gaussian_kernel<K>& p, double std_r) {
    detail::require(std_r >= 0, "diffusion::multiplied",
                    "the standard deviation of r must not be negative", std_r);
    // share = c^2 / (c^2 + std_r^2), and rest = 1 - share, which keeps its digits for a narrow r;
    // where both are deltas it is r that counts
    const double ratio = std_r == 0 ? std::numeric_limits<double>::infinity() : p.c / std_r;
    const double rest = 1 / (1 + ratio * ratio);
    const double share = ratio > 1 ? 1 - rest : ratio * ratio * rest;
    gaussian_kernel<K + 1> product{rest * p.a, {}, p.c / std::hypot(1, ratio)};
    for (std::size_t k = 0; k < K; ++k) product.b[k] = rest * p.b[k];
    product.b[K] = share;
    return product;
}

/// The product of a step and an r that is smooth over the step's width (their table App.1): the
/// mean moves by c^2 d log r/dx, taken at the mean, and the variance stays. The gradient becomes
/// the last tensor of the kernel; `power`: of r.
template <std::size_t K>
constexpr gaussian_kernel<K + 1> perturbed(const gaussian_kernel<K>& p, double power = 1) {
    gaussian_kernel<K + 1> product{p.a, {}, p.c};
    for (std::size_t k = 0; k < K; ++k) product.b[k] = p.b[k];
    product.b[K] = power * p.c * p.c;
    return product;
}

}  // namespace diffusion
