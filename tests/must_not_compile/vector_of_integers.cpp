// expect: diffusion: X is not a tensor
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

#ifdef FIXED
using number = float;
#else
using number = int;
#endif

void run(std::vector<number>& x, const diffusion::time_grid& grid) {
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), support::gaussian_toy{});
}
