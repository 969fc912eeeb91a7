// expect: diffusion::sample: the observer must be callable with const step_view<X>&
#include <cstddef>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(std::vector<float>& x, const diffusion::time_grid& grid) {
#ifdef FIXED
    const auto observe = [](const diffusion::step_view<std::vector<float>>&) {};
#else
    const auto observe = [](std::size_t, const std::vector<float>&) {};
#endif
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), support::gaussian_toy{},
                      diffusion::no_noise{}, observe);
}
