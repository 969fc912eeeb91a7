// expect: diffusion: the tensor is const, but it is updated in place; pass a mutable tensor
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(const std::vector<float>& start, const diffusion::time_grid& grid) {
#ifdef FIXED
    std::vector<float> x = start;
#else
    const std::vector<float>& x = start;
#endif
    const diffusion::multistep plan(diffusion::ddim{}, grid);
    for (auto step : diffusion::steps(x, plan, support::gaussian_toy{})) static_cast<void>(step);
}
