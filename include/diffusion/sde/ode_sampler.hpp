#pragma once
// Sampling and encoding by the probability-flow ODE, solved to a wanted accuracy.

#include <cstddef>
#include <utility>

#include <diffusion/assert.hpp>
#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/noise_source.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/sde/reverse_time.hpp>

namespace diffusion {

/// The probability-flow ODE of an SDE, from node to node by `dormand_prince` (Song et al. 2021,
/// section 4.3 and appendix D.4, which take rtol = atol = 1e-5). Two nodes are a whole run, more
/// are where an observer looks; each costs two calls to set out again. A step to clean data is one
/// to x0-hat (Tweedie's formula), as their samplers end.
///
///     const ode_sampler plan(vp_sde{}, make_grid(vp_linear{}, {1, 1e-3}));
///     sample(x, plan, D);
///
/// On a grid from data to noise it encodes: x becomes the latent that `sample` turns back into it,
/// up to the tolerances, and latents may be compared, interpolated and edited.
///
///     const vp_linear schedule;
///     sample(x, ode_sampler(vp_sde{}, {node_at(schedule, 1e-3), node_at(schedule, 1)}), D);
///
/// Throws std::invalid_argument for a grid that is not the SDE's, and as `dormand_prince` does.
template <class Sde>
class ode_sampler {
    static_assert(linear_sde<Sde>,
                  "diffusion::ode_sampler: not an SDE; pass vp_sde{}, sub_vp_sde{}, ve_sde{}, or "
                  "sde_of{schedule, rates} for a schedule of your own, see "
                  "<diffusion/sde/sde.hpp>");

public:
    template <tensor X>
    struct memory {
        dormand_prince::memory<X> solver;
        owner_t<X> x0;
        ode_counts spent = {};
    };

    ode_sampler(Sde sde, time_grid grid, const ode_options& options = {})
        : sde_(std::move(sde)), grid_(std::move(grid)), solver_(options) {
        constexpr const char* function = "diffusion::ode_sampler";
        detail::require_grid(grid_, function);
        for (std::size_t i = 0; i < grid_.size(); ++i) {
            const bool end = i + 1 == grid_.size() && grid_[i].sigma == 0;
            detail::require(end || grid_[i].sigma > 0, function,
                            "the ODE does not begin at clean data; sigma must be positive",
                            grid_[i].sigma);
            if (!end) detail::require_own(sde_.marginal, grid_[i], function);
        }
    }

    std::size_t size() const { return grid_.size() - 1; }
    const time_grid& grid() const { return grid_; }

    template <tensor X>
    memory<X> init(const X& x) const {
        return {solver_.init(x), like(x)};
    }

    /// x0-hat of the latest evaluation.
    template <tensor X>
    const owner_t<X>& x0(const memory<X>& mem) const {
        return mem.x0;
    }

    /// What the run has spent so far; a step to clean data is a call.
    template <tensor X>
    ode_counts spent(const memory<X>& mem) const {
        return mem.spent;
    }

    template <tensor X, class D, class Z>
        requires denoiser<D, X> && noise_source<Z, owner_t<X>>
    void step(std::size_t i, X& x, memory<X>& mem, D&& denoise, Z&&) const {
        DIFFUSION_ASSERT(i < size(), "diffusion::ode_sampler: there is no such step");
        const node &t = grid_[i], &s = grid_[i + 1];
        if (i == 0) mem.spent = {};
        if (s.sigma == 0) {
            denoise(std::as_const(x), t, mem.x0);
            ref(x) = s.alpha * ref(mem.x0);
            ++mem.spent.calls;
            return;
        }
        const auto slope = [&](double at, const X& y, owner_t<X>& dy) {
            probability_slope(sde_, at, denoise, y, mem.x0, dy);
        };
        const ode_counts now = solver_.integrate(slope, t.t, s.t, x, mem.solver);
        mem.spent.calls += now.calls;
        mem.spent.accepted += now.accepted;
        mem.spent.rejected += now.rejected;
    }

private:
    Sde sde_;
    time_grid grid_;
    dormand_prince solver_;
};

}  // namespace diffusion
