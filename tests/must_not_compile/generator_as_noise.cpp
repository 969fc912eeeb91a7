// expect: diffusion::sample: the noise must be callable as noise(X& z, const noise_address& where)
#include <random>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

void run(std::vector<float>& x, const diffusion::time_grid& grid) {
#ifdef FIXED
    const diffusion::gaussian_noise noise{42};
#else
    std::mt19937_64 noise(42);
#endif
    diffusion::sample(x, diffusion::multistep(diffusion::ddpm{}, grid), support::gaussian_toy{},
                      noise);
}
