// Heun's method on the straight path against diffusers' FlowMatchHeunDiscreteScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/kernel/forward.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/sampler/singlestep.hpp>

#include "flow_runs.hpp"

using namespace golden;
using diffusion::node;

namespace {

// The reference's churn: sigma_hat = (1 + gamma) sigma with noise as if x = x_0 + sigma eps, added
// after the network was asked at sigma. It draws twice a step and forgets the second draw.
template <class T>
trajectory<T> run_with_churn(const record& c, const diffusion::time_grid& grid) {
    const auto denoise = flow_denoiser<T>(c);
    trajectory<T> path;
    path.last = initial_sample<T>();
    std::vector<T>& x = path.last;
    std::vector<T> x0(x.size()), start(x.size()), slope(x.size()), z(x.size());
    counted_noise noise;
    using diffusion::ref;
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const node &t = grid[i], &s = grid[i + 1];
        const bool churns =
            t.sigma >= c.number("step.s_tmin") && t.sigma <= c.number("step.s_tmax");
        const double gamma =
            churns ? std::min(c.number("step.s_churn") / static_cast<double>(2 * grid.size() - 3),
                              std::sqrt(2.0) - 1)
                   : 0;
        const double risen = (1 + gamma) * t.sigma;
        denoise(x, t, x0);
        ref(slope) = (1 / t.sigma) * ref(x) + (-1 / t.sigma) * ref(x0);
        if (churns) {
            noise(z, {});
            noise(start, {});
            ref(x) = 1 * ref(x) + c.number("step.s_noise") *
                                      std::sqrt(risen * risen - t.sigma * t.sigma) * ref(z);
        }
        // the slope, where it is taken to be: (x - x0)/sigma_hat with x0 = x - sigma u
        ref(slope) = (t.sigma / risen) * ref(slope);
        ref(start) = 1 * ref(x);
        ref(x) = 1 * ref(start) + (s.sigma - risen) * ref(slope);
        if (path.steps.size() < 3) path.steps.push_back(x);
        if (s.sigma == 0) break;
        denoise(x, s, x0);
        ref(slope) = 0.5 * ref(slope) + (0.5 / s.sigma) * ref(x) + (-0.5 / s.sigma) * ref(x0);
        ref(x) = 1 * ref(start) + (s.sigma - risen) * ref(slope);
        if (path.steps.size() < 3) path.steps.push_back(x);
    }
    return path;
}

// The reference counts both stages of a step as steps; of ours every second state is one of those.
template <class T>
trajectory<T> run_case(const record& c, const diffusion::time_grid& grid) {
    return run<T>(diffusion::singlestep(diffusion::flow_heun{}, grid), flow_denoiser<T>(c));
}

double error_of_case(const record& c, const diffusion::time_grid& grid) {
    const trajectory<double> path = run_case<double>(c, grid);
    return std::max(final_error(c, path.last), relative_error(c, "steps.1", path.steps.at(0)));
}

}  // namespace

TEST_CASE("Heun's method on the straight path gives the numbers of diffusers' FlowMatchHeun") {
    tally result("diffusers_flow_match_heun");
    double worst_float = 0;
    for (const record& c : read("diffusers_flow_match_heun")) {
        CAPTURE(c.id);
        const diffusion::time_grid grid =
            diffusion::make_grid(diffusion::flow_schedule{}, flow_times_of(c));
        std::vector<double> told{told_flow_time(c, grid[0].t)};
        for (std::size_t i = 1; i + 1 < grid.size(); ++i)
            told.insert(told.end(), 2, told_flow_time(c, grid[i].t));
        CHECK(relative_error(told, c.numbers("timesteps")) < 1e-12);
        const bool churns = c.number("step.s_churn", 0) > 0;
        if (churns) {
            judge(result, c, INFINITY,
                  error_of(c, [&] { return run_with_churn<double>(c, grid); }));
            continue;
        }
        const double own = error_of_case(c, grid);
        judge(result, c, own, own);
        worst_float = std::max(worst_float, final_error(c, run_case<float>(c, grid).last));
    }
    result.finish();
    CHECK(worst_float < 3e-5);
}

TEST_CASE("the reference's churn on the straight path does not keep the marginals") {
    // x_t = (1 - t) x_0 + t eps, churned from t = 0.5 by gamma = 0.2, for data x_0 = 1
    const node t = diffusion::node_at(diffusion::flow_schedule{}, 0.5),
               risen = diffusion::node_at(diffusion::flow_schedule{}, 0.6);
    CHECK(std::abs(t.alpha - risen.alpha) > 0.09);  // the reference leaves the mean where it was
    const auto own = diffusion::forward_kernel(t, risen);
    CHECK(own.a * t.alpha == doctest::Approx(risen.alpha).epsilon(1e-13));
    CHECK(own.a * own.a * t.sigma * t.sigma + own.c * own.c ==
          doctest::Approx(risen.sigma * risen.sigma).epsilon(1e-13));
}
