#pragma once
// What must hold for the kernels of any rule, whatever its coefficients.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/rule/rule.hpp>
#include <support/worse.hpp>

#include "rule/grids.hpp"

/// The kernel of step i when the rule has seen `visible` nodes (at most its order, at most i + 1).
template <diffusion::multistep_rule Rule>
auto kernel_of(const Rule& rule, const diffusion::time_grid& grid, std::size_t i,
               std::size_t visible = Rule::order) {
    std::vector<diffusion::node> seen;
    for (std::size_t k = 0; k < std::min({visible, i + 1, static_cast<std::size_t>(Rule::order)});
         ++k)
        seen.push_back(grid[i - k]);
    return rule(std::span<const diffusion::node>(seen), grid[i + 1]);
}

/// How far the kernels of a data rule are from carrying q(x_t|x_0) to q(x_s|x_0) for constant
/// x0-hat = x_0: the mean, a alpha_t + sum b = alpha_s, and the variance, a^2 sigma_t^2 + c^2 =
/// sigma_s^2, each relative to its right side (and to the largest summand).
struct deviation {
    double mean = 0, variance = 0;
};

template <diffusion::multistep_rule Rule>
deviation marginal_deviation(const Rule& rule, const diffusion::time_grid& grid) {
    deviation worst;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const diffusion::node &t = grid[i], &s = grid[i + 1];
        const auto kernel = kernel_of(rule, grid, i);
        double mean = kernel.a * t.alpha, scale = s.alpha;
        for (const double b : kernel.b) {
            mean += b;
            scale = std::max(scale, std::abs(b));
        }
        const double variance = kernel.a * kernel.a * t.sigma * t.sigma + kernel.c * kernel.c;
        worst.mean = support::worse(worst.mean, std::abs(mean - s.alpha) / scale);
        if (s.sigma == 0) worst.variance = support::worse(worst.variance, std::abs(variance));
        else
            worst.variance = support::worse(
                worst.variance, std::abs(variance - s.sigma * s.sigma) / (s.sigma * s.sigma));
    }
    return worst;
}

/// How far the kernels of a noise rule are from exactness on constant eps-hat: a alpha_t = alpha_s
/// and a sigma_t + sum b = sigma_s.
template <diffusion::multistep_rule Rule>
double constant_noise_deviation(const Rule& rule, const diffusion::time_grid& grid) {
    double worst = 0;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const diffusion::node &t = grid[i], &s = grid[i + 1];
        const auto kernel = kernel_of(rule, grid, i);
        double noise = kernel.a * t.sigma, scale = std::max(s.sigma, noise);
        for (const double b : kernel.b) {
            noise += b;
            scale = std::max(scale, std::abs(b));
        }
        worst = support::worse(worst, std::abs(kernel.a * t.alpha - s.alpha) / s.alpha);
        worst = support::worse(worst, std::abs(noise - s.sigma) / scale);
    }
    return worst;
}

/// The largest difference of two rules' coefficients, relative to the largest of them.
template <std::size_t K>
double difference(const diffusion::gaussian_kernel<K>& p, const diffusion::gaussian_kernel<K>& q) {
    double worst = support::worse(std::abs(p.a - q.a), std::abs(p.c - q.c)), scale = 1;
    for (std::size_t k = 0; k < K; ++k) {
        worst = support::worse(worst, std::abs(p.b[k] - q.b[k]));
        scale = std::max(scale, std::abs(q.b[k]));
    }
    return worst / scale;
}
