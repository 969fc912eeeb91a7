#pragma once
// L5: Langevin dynamics at one noise level after the other.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/linear.hpp>

namespace diffusion {

/// How annealed Langevin dynamics moves. The defaults are those of NCSNv2 on CIFAR-10: epsilon =
/// 6.2e-6, sigma_L = 0.01.
struct annealing {
    double step_size = 0.062;  ///< epsilon/sigma_L^2; see `langevin_step_size`
    std::size_t steps = 5;     ///< T, moves at each level
    bool denoise = true;       ///< whether the last move is to x0-hat
};

/// Annealed Langevin dynamics (Song and Ermon 2019, algorithm 1; in the notation of Song and Ermon
/// 2020, algorithm 1): at each level sigma_i of the grid, T times
///
///     x <- x + alpha_i s(x, sigma_i) + sqrt(2 alpha_i) z,    alpha_i = epsilon sigma_i^2/sigma_L^2
///
/// With e = epsilon/sigma_L^2, and as sigma_i^2 s = x0-hat - x (Tweedie), it is the kernel
///
///     x <- (1 - e) x + e x0-hat + sqrt(2e) sigma_i z,
///
/// the same at every level. The paper of 2019 writes alpha_i/2 and sqrt(alpha_i), so its e is
/// epsilon/(2 sigma_L^2): 0.1 for epsilon = 2e-5, sigma_L = 0.01. At the end x <- x + sigma_L^2
/// s(x, sigma_L) = x0-hat removes the noise that is left (Jolicoeur-Martineau et al. 2021, adopted
/// in 2020 by NCSNv2), unless denoise = false: then x is as it came from the last level, noise of
/// sigma_L included.
///
/// On a schedule whose alpha is not 1, x/alpha moves so, with sigma/alpha for sigma_i. A grid of
/// one level is Langevin dynamics without annealing. T evaluations a step, one more to denoise. On
/// data with fine detail e has to stay below 2, or the variance grows without bound; on smooth
/// data, of variance v in every direction, below 2 (v + sigma_i^2)/sigma_i^2. Throws
/// std::invalid_argument for a grid that does not run from noise to clean data or begins where
/// alpha = 0, for a step size that is not finite and positive, and for T = 0.
class annealed_langevin {
public:
    template <tensor X>
    struct memory {
        owner_t<X> x0, z;
    };

    explicit annealed_langevin(time_grid grid, const annealing& how = {})
        : grid_(std::move(grid)), how_(how) {
        constexpr const char* function = "diffusion::annealed_langevin";
        detail::require_denoising(grid_, function);
        detail::require(grid_.back().sigma == 0, function,
                        "the grid must end at clean data; its last sigma", grid_.back().sigma);
        detail::require(grid_.front().alpha > 0, function,
                        "x/alpha must be finite; alpha must be positive", grid_.front().alpha);
        detail::require(how.step_size > 0 && std::isfinite(how.step_size), function,
                        "the step size must be finite and positive", how.step_size);
        detail::require(how.steps > 0, function,
                        "the number of moves at a level must be at least 1", how.steps);
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {like(x), like(x)};
    }

    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&& noise) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::annealed_langevin: there is no such step");
        const node &t = grid_[i], &s = grid_[i + 1];
        const double e = how_.step_size;
        for (std::size_t k = 0; k < how_.steps; ++k) {
            denoise(std::as_const(x), t, mem.x0);
            noise(mem.z, level_noise(i, k));
            ref(x) = (1 - e) * ref(x) + (e * t.alpha) * ref(mem.x0) +
                     (std::sqrt(2 * e) * t.sigma) * ref(mem.z);
        }
        if (s.sigma == 0 && how_.denoise) {
            denoise(std::as_const(x), t, mem.x0);
            ref(x) = s.alpha * ref(mem.x0);
        } else if (s.alpha != t.alpha) {
            ref(x) = (s.alpha / t.alpha) * ref(x);
        }
    }

private:
    time_grid grid_;
    annealing how_;
};

}  // namespace diffusion
