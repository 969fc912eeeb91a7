// expect: diffusion::learned_variance: the denoiser must have with_variance(x, t, x0, v)
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

void run(std::vector<float>& x, const diffusion::time_grid& grid) {
    using vector = std::vector<float>;
#ifdef FIXED
    const auto net = [](const vector& in, double, vector& out, vector& v) { out = v = in; };
    const diffusion::predicts_noise denoise{diffusion::two_outputs{net, x}};
#else
    const auto net = [](const vector& in, double, vector& out) { out = in; };
    const diffusion::predicts_noise denoise{net};
#endif
    auto D = denoise;
    diffusion::sample(x, diffusion::learned_variance(grid), D, diffusion::gaussian_noise{1});
}
