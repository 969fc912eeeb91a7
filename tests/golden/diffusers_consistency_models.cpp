// Consistency models against diffusers' CMStochasticIterativeScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/grid/distilled.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "sigma_space_runs.hpp"

using namespace golden;
using diffusion::time_grid;

namespace {

diffusion::sigma_range range_of(const record& c) {
    return {c.number("config.sigma_min", 0.002), c.number("config.sigma_max", 80)};
}

time_grid grid_of(const record& c) {
    const diffusion::sigma_range range = range_of(c);
    return diffusion::grid_of_sigmas(
        diffusion::edm_schedule{range.lowest, range.highest},
        diffusion::consistency_sigmas(c.count("config.num_train_timesteps", 40),
                                      c.count("set_timesteps.num_inference_steps"), range,
                                      c.number("config.rho", 7)));
}

diffusion::consistency_scaling scaling_of(const record& c) {
    return {c.number("config.sigma_data", 0.5), range_of(c).lowest};
}

template <class T>
any_denoiser<T> denoiser_of_case(const record& c) {
    const double data = scaling_of(c).sigma_data;
    network<T> net = dummy_network<T>();
    if (c.text("model") == "gauss")  // F = (D - c_skip x)/c_out, with the scalings of Karras et al.
        net = [data](const std::vector<T>& in, double time, std::vector<T>& out) {
            const double sigma = std::exp(time / 250), root = std::hypot(sigma, data);
            for (std::size_t e = 0; e < in.size(); ++e) {
                const double x = static_cast<double>(in[e]) * root;
                const double x0 = 0.3 + (x - 0.3) * 0.25 / (0.25 + sigma * sigma);
                out[e] =
                    static_cast<T>((x0 - data * data / (root * root) * x) / (sigma * data / root));
            }
        };
    diffusion::preconditioned denoise(net, scaling_of(c), std::vector<T>(elements_of_x));
    if (c.flag("config.clip_denoised", true))
        return any_denoiser<T>::of(diffusion::clipped(denoise, -1, 1));
    return any_denoiser<T>::of(denoise);
}

template <class T>
trajectory<T> run_case(const record& c, const time_grid& grid) {
    return run_from<T>(
        c.number("init_noise_sigma"),
        diffusion::multistep(diffusion::consistency_sampling{range_of(c).lowest}, grid),
        denoiser_of_case<T>(c));
}

}  // namespace

TEST_CASE("consistency sampling gives the numbers of diffusers' CMStochasticIterativeScheduler") {
    tally result("diffusers_consistency_models");
    double worst_float = 0;
    for (const record& c : read("diffusers_consistency_models")) {
        CAPTURE(c.id);
        const time_grid grid = grid_of(c);
        std::vector<double> told;
        for (std::size_t i = 0; i + 1 < grid.size(); ++i)
            told.push_back(scaling_of(c)(grid[i]).time);
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-12);
        const double own = error_of(c, [&] { return run_case<double>(c, grid); });
        judge(result, c, own, own);
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c, grid).last));
    }
    result.finish();
    CHECK(worst_float < 1e-4);
}
