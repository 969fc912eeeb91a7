// expect: diffusion: the tensor is const, but it is updated in place; pass a mutable tensor
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(const std::vector<float>& start, const diffusion::time_grid& grid) {
#ifdef FIXED
    std::vector<float> x = start;
#else
    const std::vector<float>& x = start;
#endif
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), support::gaussian_toy{});
}
