// DDIM and its inversion against diffusers' DDIMScheduler and DDIMInverseScheduler.

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/ddim.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::time_grid;

namespace {

// The reference takes its step from t to t - T/n, whatever the next time in its list is. Below 0
// stands clean data, or, with set_alpha_to_one = false, the level of t = 0.
std::vector<interval> intervals_of_reference(const record& c, const schedule& levels,
                                             const std::vector<double>& times) {
    const double stride =
        static_cast<double>(levels.size() / c.count("set_timesteps.num_inference_steps"));
    const node end = c.flag("config.set_alpha_to_one", true) ? diffusion::clean_node(levels)
                                                             : diffusion::node_at(levels, 0);
    std::vector<interval> result;
    for (const double t : times)
        result.push_back({diffusion::node_at(levels, t),
                          t >= stride ? diffusion::node_at(levels, t - stride) : end});
    return result;
}

// The grid of the same settings in the library: each step ends where the next one begins.
time_grid grid_of(const record& c, const schedule& levels, std::vector<double> times) {
    if (c.flag("config.set_alpha_to_one", true)) return diffusion::make_grid(levels, times);
    if (times.back() > 0) times.push_back(0);
    return diffusion::make_grid(levels, times, diffusion::grid_end::last_time);
}

template <class T>
any_denoiser<T> denoiser_of_case(const record& c, const schedule& levels) {
    return denoiser_of<T>(network_of<T>(c, levels), settings_of(c, true));
}

template <class T>
trajectory<T> own_run(const record& c, const schedule& levels, const time_grid& grid) {
    const auto denoise = denoiser_of_case<T>(c, levels);
    const double eta = c.number("step.eta", 0);
    if (c.flag("step.use_clipped_model_output", false))
        return run<T>(diffusion::multistep(diffusion::ddim{eta}, grid), denoise);
    return run<T>(diffusion::multistep(diffusion::ddim_published{eta}, grid), denoise);
}

template <class T>
trajectory<T> run_by_kernels(const record& c, const schedule& levels,
                             const std::vector<interval>& intervals) {
    const auto denoise = denoiser_of_case<T>(c, levels);
    const double eta = c.number("step.eta", 0);
    if (c.flag("step.use_clipped_model_output", false))
        return run_on<T>(intervals, diffusion::ddim{eta}, denoise);
    return run_on<T>(intervals, diffusion::ddim_published{eta}, denoise);
}

}  // namespace

TEST_CASE("DDIM gives the numbers of diffusers' DDIMScheduler") {
    tally result("diffusers_ddim");
    double worst_float = 0;
    for (const record& c : read("diffusers_ddim")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const std::vector<double> times = times_of(c, "leading");
        CHECK(times == c.numbers("timesteps"));
        const auto intervals = intervals_of_reference(c, levels, times);
        const double own =
            error_of(c, [&] { return own_run<double>(c, levels, grid_of(c, levels, times)); });
        const double by_kernels =
            error_of(c, [&] { return run_by_kernels<double>(c, levels, intervals); });
        judge(result, c, own, by_kernels);
        worst_float =
            std::max(worst_float, final_error(c, run_by_kernels<float>(c, levels, intervals).last));
    }
    result.finish();
    CHECK(worst_float < 1e-5);
}

TEST_CASE("DDIM inversion gives the numbers of diffusers' DDIMInverseScheduler") {
    tally result("diffusers_ddim_inverse");
    double worst_float = 0;
    for (const record& c : read("diffusers_ddim_inverse")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const std::vector<double> times = times_of(c, "leading");
        CHECK(std::vector<double>(times.rbegin(), times.rend()) == c.numbers("timesteps"));

        // The reference goes from t - T/n to t and shows the network t.
        auto intervals = intervals_of_reference(c, levels, times);
        std::reverse(intervals.begin(), intervals.end());
        for (auto& [t, s] : intervals) {
            std::swap(t, s);
            t.t = s.t;
        }
        const auto denoise = denoiser_of_case<double>(c, levels);
        const double own = error_of(c, [&] {
            const time_grid grid = diffusion::inverted(grid_of(c, levels, times));
            return run<double>(diffusion::multistep(diffusion::ddim_inversion{}, grid), denoise);
        });
        const double by_kernels = error_of(
            c, [&] { return run_on<double>(intervals, diffusion::ddim_inversion{}, denoise); });
        judge(result, c, own, by_kernels);
        worst_float = std::max(worst_float,
                               final_error(c, run_on<float>(intervals, diffusion::ddim_inversion{},
                                                            denoiser_of_case<float>(c, levels))
                                                  .last));
    }
    result.finish();
    CHECK(worst_float < 1e-5);
}
