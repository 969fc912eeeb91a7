// expect: diffusion::ode_sampler: not an SDE; pass vp_sde{}, sub_vp_sde{}, ve_sde{}
#include <vector>

#include <diffusion/sampler/sample.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/ode_sampler.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(std::vector<double>& x, const diffusion::time_grid& grid) {
#ifdef FIXED
    const diffusion::vp_sde process;
#else
    const diffusion::vp_linear process;
#endif
    diffusion::sample(x, diffusion::ode_sampler(process, grid), support::gaussian_toy{});
}
