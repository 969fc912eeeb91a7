// A million damaged scheduler configs: each is refused with a format_error, or it is a config that
// can be written, read again and used.

#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/io/diffusers_config.hpp>
#include <diffusion/tensor/std.hpp>

#include "allocations.hpp"
#include "fuzz.hpp"
#include "support.hpp"

using namespace diffusion::io;
using namespace io_test;

namespace {

std::string_view text_of(const bytes& file) {
    return {reinterpret_cast<const char*>(file.data()), file.size()};
}

}  // namespace

TEST_CASE("A damaged scheduler config gives a config or a format_error") {
    std::vector<bytes> seeds;
    for (
        const char* text : {
            R"({"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012,
                 "beta_schedule": "scaled_linear", "set_alpha_to_one": false, "steps_offset": 1,
                 "skip_prk_steps": true, "trained_betas": null})",
            R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity,
                 "solver_order": 3, "use_karras_sigmas": true, "thresholding": true})",
            R"({"_class_name": "DDPMScheduler", "num_train_timesteps": 4, "clip_sample": true,
                 "trained_betas": [0.1, 0.2, 3e-1, 0.4], "timestep_spacing": "trailing"})",
            R"({"_class_name":"FlowMatchEulerDiscreteScheduler","shift":3.0,"shift_terminal":0.1})",
            R"({"_class_name": "UniPCMultistepScheduler", "disable_corrector": [0, 1],
                 "prediction_type": "v_prediction", "rescale_betas_zero_snr": true})",
        })
        seeds.push_back(to_bytes(text));

    std::size_t valid = 0, runs = 0;
    fuzz(seeds, 200000, 64, [&](const bytes& file) {
        const scheduler_config config = parse_scheduler_config(text_of(file));
        const std::size_t allocation = largest_allocation;  // of the reader alone
        if (++valid % 8 == 0)
            REQUIRE(parse_scheduler_config(format_scheduler_config(config)) == config);
        if (valid % 64 == 0 && config.num_train_timesteps <= 10000) {
            try {
                config.sampler<std::vector<double>>(3);
                ++runs;
            } catch (const std::invalid_argument&) {  // 3 steps do not fit, say
            }
        }
        largest_allocation = allocation;
    });
    CHECK(runs > 0);
}
