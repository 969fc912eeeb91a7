// expect: diffusion::sample: not a sampler; build one such as multistep(ddim{}, grid)
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(std::vector<float>& x, const diffusion::time_grid& grid) {
#ifdef FIXED
    const diffusion::multistep sampler(diffusion::ddim{}, grid);
#else
    const diffusion::ddim sampler;
    static_cast<void>(grid);
#endif
    diffusion::sample(x, sampler, support::gaussian_toy{});
}
