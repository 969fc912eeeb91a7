// expect: diffusion: X is not a tensor
#include <span>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/span.hpp>

#include "support/gaussian_toy.hpp"

#ifdef FIXED
using number = float;
#else
using number = const float;
#endif

void run(std::span<number> x, const diffusion::time_grid& grid) {
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), support::gaussian_toy{});
}
