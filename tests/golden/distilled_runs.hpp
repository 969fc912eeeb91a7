#pragma once
// What the runs of diffusers' LCMScheduler and TCDScheduler share: their defaults and their times.

#include <string>
#include <vector>

#include <diffusion/grid/distilled.hpp>

#include "runs.hpp"

namespace golden {

/// The cases of a family, with the defaults of these schedulers filled in.
inline std::vector<record> distilled_cases(const std::string& family) {
    std::vector<record> cases = read(family);
    for (record& c : cases) {
        const auto otherwise = [&c](const char* key, const char* value) {
            if (!c.has(key)) c.set(key, value);
        };
        otherwise("config.beta_start", "0.00085");
        otherwise("config.beta_end", "0.012");
        otherwise("config.beta_schedule", "scaled_linear");
        otherwise("config.original_inference_steps", "50");
        otherwise("set_timesteps.original_inference_steps",
                  c.text("config.original_inference_steps").c_str());
    }
    return cases;
}

inline std::vector<double> distilled_times(const record& c) {
    if (c.has("set_timesteps.timesteps")) return c.numbers("set_timesteps.timesteps");
    return diffusion::lcm_times(
        c.count("config.num_train_timesteps", 1000), c.count("set_timesteps.num_inference_steps"),
        c.count("set_timesteps.original_inference_steps"), c.number("set_timesteps.strength", 1));
}

}  // namespace golden
