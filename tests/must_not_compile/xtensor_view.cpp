// expect: copy a block or an expression into a matrix that owns its memory (.eval())
// needs: diffusion::xtensor
#include <xtensor/xview.hpp>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/xtensor.hpp>

#include "support/gaussian_toy.hpp"

void run(xt::xarray<float>& pictures, const diffusion::time_grid& grid) {
    const diffusion::multistep plan(diffusion::ddim{}, grid);
#ifdef FIXED
    xt::xarray<float> first = xt::view(pictures, 0);
    diffusion::sample(first, plan, support::gaussian_toy{});
#else
    diffusion::sample(xt::view(pictures, 0), plan, support::gaussian_toy{});
#endif
}
