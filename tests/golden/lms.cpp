// LMS against diffusers' LMSDiscreteScheduler and k-diffusion's sample_lms.

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/lms.hpp>

#include "sigma_space_runs.hpp"

using namespace golden;
using diffusion::time_grid;

namespace {

template <class T>
trajectory<T> run_lms(std::size_t order, double start, const time_grid& grid,
                      const any_denoiser<T>& denoise) {
    using diffusion::lms, diffusion::multistep;
    switch (order) {
        case 1:
            return run_from<T>(start, multistep(lms<1>{}, grid), denoise);
        case 2:
            return run_from<T>(start, multistep(lms<2>{}, grid), denoise);
        case 3:
            return run_from<T>(start, multistep(lms<3>{}, grid), denoise);
        default:
            return run_from<T>(start, multistep(lms<4>{}, grid), denoise);
    }
}

}  // namespace

TEST_CASE("LMS gives the numbers of diffusers' LMSDiscreteScheduler") {
    check_sigma_space("diffusers_lms", [](const record& c) -> sigma_space_outcome {
        const time_grid grid = sigma_space_grid(c);
        std::vector<double> times;
        for (std::size_t i = 0; i + 1 < grid.size(); ++i) times.push_back(grid[i].t);
        CHECK(relative_error(times, c.numbers("timesteps")) < 1e-12);
        const std::size_t order = c.count("step.order", 4);
        const double start = c.number("init_noise_sigma", 1);
        const double own = error_of(c, [&] {
            return run_lms<double>(order, start, grid, sigma_space_denoiser<double>(c));
        });
        return {own, own, run_lms<float>(order, start, grid, sigma_space_denoiser<float>(c)).last};
    });
}

TEST_CASE("LMS gives the numbers of k-diffusion's sample_lms") {
    tally result("k_diffusion, sample_lms");
    for (const record& c : read("k_diffusion")) {
        if (c.text("sampler", "") != "sample_lms") continue;
        CAPTURE(c.id);
        const time_grid grid = k_diffusion_grid(c);
        const double error =
            k_diffusion_error(c, run_lms<double>(c.count("sampler_kwargs.order", 4), grid[0].sigma,
                                                 grid, k_diffusion_denoiser<double>(c)));
        result.add(c.id, error <= 1e-10 ? verdict::agrees : verdict::differs,
                   "relative error " + diffusion::detail::shown(error));
    }
    result.finish();
}
