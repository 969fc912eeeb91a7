#include <doctest/doctest.h>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

// One run from its own noise, with a network that has no state.
template <class Sampler>
std::vector<float> run(const Sampler& sampler, std::uint64_t seed) {
    const diffusion::gaussian_noise noise{seed};
    const auto network = [](const std::vector<float>& x, double t, std::vector<float>& eps) {
        for (std::size_t e = 0; e < x.size(); ++e)
            eps[e] = 0.9F * x[e] + 1e-4F * static_cast<float>(t);
    };
    std::vector<float> x(257);
    diffusion::draw_prior(x, sampler.grid().front(), noise);
    diffusion::sample(x, sampler, diffusion::predicts_noise{network}, noise);
    return x;
}

template <class Sampler>
void check_shared(const Sampler& sampler) {
    constexpr std::size_t count = 8;
    std::vector<std::vector<float>> together(count);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < count; ++i)
            threads.emplace_back([&, i] { together[i] = run(sampler, i); });
    }
    for (std::size_t i = 0; i < count; ++i) {
        CAPTURE(i);
        CHECK(together[i] == run(sampler, i));
    }
    CHECK(together[0] != together[1]);
}

}  // namespace

TEST_CASE("eight threads that share one sampler draw the bits that one thread draws") {
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    const diffusion::time_grid grid = diffusion::trailing(schedule, 50);
    check_shared(diffusion::multistep(diffusion::ddim{.eta = 1}, grid));
    check_shared(diffusion::heun(grid));
}
