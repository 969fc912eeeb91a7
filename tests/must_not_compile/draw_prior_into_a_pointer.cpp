// expect: diffusion: X is not a tensor
#include <cstddef>
#include <span>

#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/sampler.hpp>
#include <diffusion/tensor/span.hpp>

void draw(float* buffer, std::size_t size, const diffusion::node& t) {
#ifdef FIXED
    std::span<float> x(buffer, size);
#else
    float* x = buffer;
    static_cast<void>(size);
#endif
    diffusion::draw_prior(x, t, diffusion::gaussian_noise{1});
}
