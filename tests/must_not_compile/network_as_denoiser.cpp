// expect: wrap a network with predicts_noise(net), predicts_data(net) or predicts_velocity(net)
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/tensor/std.hpp>

void run(std::vector<float>& x, const diffusion::time_grid& grid) {
    const auto net = [](const std::vector<float>& in, double) { return in; };
#ifdef FIXED
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid),
                      diffusion::predicts_noise(net));
#else
    diffusion::sample(x, diffusion::multistep(diffusion::ddim{}, grid), net);
#endif
}
