#pragma once
// L5: Heun's method, the first sampler that is not a rule: two evaluations a step.

#include <cstddef>
#include <utility>

#include <diffusion/detail/require.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// Karras et al. 2022, algorithm 1: an Euler step of dx/dsigma = (x - D(x))/sigma, then the mean of
/// the slopes at both ends. Written for any schedule: with y = x/alpha and rho = sigma/alpha the
/// equation is dy/drho = (y - D)/rho.
///
/// Order 2 in rho, two evaluations a step, one in a step to clean data. Deterministic. Throws
/// std::invalid_argument for a grid as in `multistep`, with alpha = 0 at a node, or with sigma = 0
/// before the last.
class heun {
public:
    template <tensor X>
    struct memory {
        owner_t<X> x0, D, d, x_t;
    };

    explicit heun(time_grid grid) : grid_(std::move(grid)) {
        detail::require_grid(grid_, "diffusion::heun");
        for (std::size_t i = 0; i < grid_.size(); ++i) {
            detail::require(grid_[i].alpha > 0, "diffusion::heun",
                            "alpha must be positive at every node", grid_[i].alpha);
            detail::require(grid_[i].sigma > 0 || i + 1 == grid_.size(), "diffusion::heun",
                            "sigma must be positive at every node but the last", grid_[i].sigma);
        }
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {like(x), like(x), like(x), like(x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X>
    void step(std::size_t i, X& x_, memory<X>& mem, D&& denoise, Z&&) const {
        const node &t = grid_[i], &s = grid_[i + 1];
        const double rho_t = t.sigma / t.alpha, rho_s = s.sigma / s.alpha, h = rho_s - rho_t;
        const auto x = ref(x_);
        const auto x_t = ref(mem.x_t), x0 = ref(mem.x0), D_s = ref(mem.D), d = ref(mem.d);

        denoise(std::as_const(x_), t, mem.x0);
        x_t = 1 * x;
        d = (1 / t.sigma) * x + (-1 / rho_t) * x0;          // line 4: d_i = (y - D)/rho_t
        x = (s.alpha / t.alpha) * x_t + (s.alpha * h) * d;  // line 5: Euler step
        if (s.sigma == 0) return;                           // line 6
        denoise(std::as_const(x_), s, mem.D);
        d = 0.5 * d + (0.5 / s.sigma) * x +
            (-0.5 / rho_s) * D_s;  // lines 7-8: mean of the two slopes
        x = (s.alpha / t.alpha) * x_t + (s.alpha * h) * d;
    }

private:
    time_grid grid_;
};

}  // namespace diffusion
