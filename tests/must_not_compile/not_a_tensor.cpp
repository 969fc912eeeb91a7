// expect: diffusion: X is not a tensor; include <diffusion/tensor/eigen.hpp>
#include <string>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(const diffusion::time_grid& grid) {
#ifdef FIXED
    std::vector<float> x(4);
#else
    std::string x = "data";
#endif
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), support::gaussian_toy{});
}
