// Ancestral sampling against diffusers' DDPMScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/forward.hpp>
#include <diffusion/kernel/posterior.hpp>
#include <diffusion/rule/ddpm.hpp>

#include "variance_runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::reverse_variance;

namespace {

reverse_variance variance_of(const record& c) {
    return c.text("config.variance_type", "fixed_small") == "fixed_large" ? reverse_variance::large
                                                                          : reverse_variance::small;
}

// The reference adds noise in every step but one from t = 0, also in a step from t > 0 to clean
// data, where the library does not: of beta_t for the large variance, and of 1e-20, to which the
// small one is raised.
struct ddpm_of_reference {
    reverse_variance variance;
    static constexpr std::size_t order = 1;
    static constexpr diffusion::prediction extrapolates = diffusion::prediction::data;

    diffusion::gaussian_kernel<1> operator()(std::span<const node> seen, const node& s) const {
        const node& t = seen[0];
        diffusion::gaussian_kernel<1> kernel = diffusion::reverse_kernel(t, s, variance);
        if (variance == reverse_variance::large) kernel.c = diffusion::forward_kernel(s, t).c;
        kernel.c = t.t > 0 ? std::max(kernel.c, 1e-10) : 0;
        return kernel;
    }
};

template <class T>
trajectory<T> run_by_kernels(const record& c, const schedule& levels,
                             const diffusion::time_grid& grid) {
    const auto denoise = denoiser_of<T>(network_of<T>(c, levels), settings_of(c, true));
    if (c.text("config.variance_type", "") == "learned_range")
        return run_with_learned_range<T>(grid, denoise, std::log(1e-20));
    return run<T>(diffusion::multistep(ddpm_of_reference{variance_of(c)}, grid), denoise);
}

}  // namespace

TEST_CASE("ancestral sampling gives the numbers of diffusers' DDPMScheduler") {
    tally result("diffusers_ddpm");
    double worst_float = 0;
    for (const record& c : read("diffusers_ddpm")) {
        CAPTURE(c.id);
        const schedule levels = schedule_of(c);
        const std::vector<double> times = times_of(c, "leading");
        CHECK(times == c.numbers("timesteps"));
        const diffusion::time_grid grid = diffusion::make_grid(levels, times);

        const double own = error_of(c, [&] {
            const auto denoise =
                denoiser_of<double>(network_of<double>(c, levels), settings_of(c, true));
            if (c.text("config.variance_type", "") == "learned_range")
                return run_learned<double>(grid, denoise);
            return run<double>(diffusion::multistep(diffusion::ddpm{variance_of(c)}, grid),
                               denoise);
        });
        judge(result, c, own, error_of(c, [&] { return run_by_kernels<double>(c, levels, grid); }));
        worst_float =
            std::max(worst_float, final_error(c, run_by_kernels<float>(c, levels, grid).last));
    }
    result.finish();
    CHECK(worst_float < 1e-5);
}
