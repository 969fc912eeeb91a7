// Euler's method against diffusers' EDMEulerScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "edm_runs.hpp"
#include "published_churn.hpp"

using namespace diffusion;
using namespace golden;

TEST_CASE("Euler's method gives the numbers of diffusers' EDMEulerScheduler") {
    tally result("diffusers_edm_euler");
    double worst_float = 0;
    for (const record& c : read("diffusers_edm_euler")) {
        CAPTURE(c.id);
        const time_grid grid = edm_grid(c);
        std::vector<double> told;
        for (std::size_t i = 0; i < c.count("set_timesteps.num_inference_steps"); ++i)
            told.push_back(edm_scaling{}(grid[i]).time);
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-14);
        const double start = c.number("init_noise_sigma", 1);
        const churn how{c.number("step.s_churn", 0), c.number("step.s_tmin", 0),
                        c.number("step.s_tmax", INFINITY), c.number("step.s_noise", 1)};
        const auto reading = [data = c.number("config.sigma_data", 0.5)](double sigma) {
            const precondition_weights w = edm_scaling{data}(sigma_node(sigma));
            return affine_reading{w.skip, w.out};
        };
        const singlestep ours(churned(euler, sigma_node, how), grid);
        const singlestep theirs(published_churn{how, reading, true}, grid);
        const auto error = [&](const auto& sampler) {
            return error_of(
                c, [&] { return run_from<double>(start, sampler, edm_denoiser<double>(c)); });
        };
        judge(result, c, error(ours), error(theirs));
        const double in_float =
            final_error(c, run_from<float>(start, theirs, edm_denoiser<float>(c)).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}
