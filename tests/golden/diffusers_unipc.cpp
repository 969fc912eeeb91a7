// UniPC against diffusers' UniPCMultistepScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/sampler/unipc.hpp>

#include "multistep_runs.hpp"

using namespace golden;
using diffusion::prediction;
using diffusion::time_grid;

namespace {

// Flow matching here starts from sigma = 1 and ends at 1/T before the shift, and the first sigma is
// held below 1. On lists of levels that end at the lowest one, which stands there twice, the last
// step is empty, but the correction before it is not.
multistep_case unipc_case_of(const record& c) {
    multistep_case its =
        multistep_case_of(c, c.text("config.final_sigmas_type", "zero") == "sigma_min");
    if (c.flag("config.use_flow_sigmas", false)) {
        const std::size_t n = c.count("set_timesteps.num_inference_steps");
        std::vector<double> times = diffusion::shifted_times(diffusion::flow_times(n + 1, 1, 1e-3),
                                                             c.number("config.flow_shift", 1));
        times.pop_back();
        times.front() = 1 - 1e-6;
        its.grid = diffusion::make_grid(diffusion::flow_schedule{}, times);
    }
    return its;
}

// With zero terminal SNR the reference raises alpha-bar at the noisiest time from 0 to 2^-24.
time_grid grid_of_reference(time_grid grid) {
    if (grid.front().alpha == 0) {
        const diffusion::noise_level raised = diffusion::from_alpha_bar(std::ldexp(1, -24));
        grid.front() = {grid.front().t, raised.alpha, raised.sigma, raised.lambda};
    }
    return grid;
}

diffusion::unipc_options options_of(const record& c) {
    diffusion::unipc_options options;
    if (c.text("config.solver_type", "bh2") == "bh1") options.form = diffusion::bh1;
    if (!c.flag("config.lower_order_final", true))
        options.ending = diffusion::last_steps::full_order;
    if (c.has("config.disable_corrector"))
        for (const double step : c.numbers("config.disable_corrector"))
            options.uncorrected.push_back(static_cast<std::size_t>(step));
    return options;
}

template <class T, prediction Prediction>
trajectory<T> run_with(const record& c, const multistep_case& its, const time_grid& grid) {
    time_grid nodes = grid;
    if (its.ends_empty) nodes.push_back(nodes.back());
    const diffusion::unipc_options options = options_of(c);
    const auto denoise = denoiser_on<T>(c, its, grid);
    switch (c.count("config.solver_order", 2)) {
        case 1:
            return run<T>(diffusion::unipc<1, Prediction>(nodes, options), denoise);
        case 2:
            return run<T>(diffusion::unipc<2, Prediction>(nodes, options), denoise);
        default:
            return run<T>(diffusion::unipc<3, Prediction>(nodes, options), denoise);
    }
}

template <class T>
trajectory<T> run_case(const record& c, const multistep_case& its, const time_grid& grid) {
    return c.flag("config.predict_x0", true) ? run_with<T, prediction::data>(c, its, grid)
                                             : run_with<T, prediction::noise>(c, its, grid);
}

}  // namespace

TEST_CASE("UniPC gives the numbers of diffusers' UniPCMultistepScheduler") {
    tally result("diffusers_unipc");
    double worst_float = 0;
    for (const record& c : read("diffusers_unipc")) {
        CAPTURE(c.id);
        const multistep_case its = unipc_case_of(c);
        CHECK(its.told_times() == c.numbers("timesteps"));
        const time_grid theirs = grid_of_reference(its.grid);
        const double own = error_of(c, [&] { return run_case<double>(c, its, its.grid); });
        judge(result, c, own, error_of(c, [&] { return run_case<double>(c, its, theirs); }));
        const double in_float = final_error(c, run_case<float>(c, its, theirs).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));
    }
    result.finish();
    CHECK(worst_float < 1);
}
