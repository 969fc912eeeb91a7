#pragma once
// Data for which everything is known: independent elements, each N(mean, std^2). Then x_t is
// N(alpha mean, alpha^2 std^2 + sigma^2), the perfect denoiser is linear, and along the
// probability-flow ODE the standardised state (x_t - mean_t)/std_t does not change. So solvers can
// be measured against the exact solution.

#include <cmath>
#include <cstddef>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/tensor/traits.hpp>

namespace support {

struct gaussian_toy {
    double mean = 0.7, std = 0.5;

    double mean_at(const diffusion::noise_level& t) const { return t.alpha * mean; }
    double std_at(const diffusion::noise_level& t) const {
        return std::hypot(t.alpha * std, t.sigma);
    }

    /// The probability-flow ODE carries x from level t to level s.
    double flow(double x, const diffusion::noise_level& t, const diffusion::noise_level& s) const {
        return mean_at(s) + std_at(s) / std_at(t) * (x - mean_at(t));
    }

    /// E[x_0 | x_t = x]
    double data(double x, const diffusion::noise_level& t) const {
        const double gain = t.alpha * std * std / (std_at(t) * std_at(t));
        return mean + gain * (x - mean_at(t));
    }

    /// E[eps | x_t = x]
    double noise(double x, const diffusion::noise_level& t) const {
        return t.sigma / (std_at(t) * std_at(t)) * (x - mean_at(t));
    }

    /// The perfect denoiser, a model of diffusion::denoiser on every tensor.
    template <diffusion::tensor X>
    void operator()(const X& x, const diffusion::node& t, diffusion::owner_t<X>& x0) const {
        const auto in = diffusion::elements(x);
        const auto out = diffusion::elements(x0);
        for (std::size_t e = 0; e < in.size(); ++e)
            out[e] = static_cast<diffusion::scalar_t<X>>(data(static_cast<double>(in[e]), t));
    }
};

}  // namespace support
