// Grids of bad numbers: each is refused with the function, the rule and the value received.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <diffusion/grid/align_your_steps.hpp>
#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/distilled.hpp>
#include <diffusion/grid/first_level.hpp>
#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/simple.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/shifted_flow.hpp>
#include <diffusion/schedule/shifted_snr.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using support::is_complete;
using support::refusal;

namespace {

const double none = std::numeric_limits<double>::quiet_NaN(), inf = HUGE_VAL;
const discrete_schedule<> schedule;
const sigma_range good{0.1, 10};

}  // namespace

TEST_CASE("no spacing has 0 steps, or more steps than times") {
    const auto check = [](const std::string& name, const std::function<void(std::size_t)>& make) {
        CAPTURE(name);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1001}, std::size_t{1} << 40}) {
            const std::string message = refusal([&] { make(n); });
            CHECK_MESSAGE(is_complete(message, n), message);
        }
        make(1);
        make(1000);
    };
    check("leading", [](std::size_t n) { leading(schedule, n); });
    check("trailing", [](std::size_t n) { trailing(schedule, n); });
    check("linspace", [](std::size_t n) { linspace(schedule, n); });
    check("quadratic", [](std::size_t n) { quadratic(schedule, n); });
    check("simple", [](std::size_t n) { simple_times(1000, n); });
    check("sgm uniform", [](std::size_t n) { sgm_uniform_times(1000, n); });
    check("lcm", [](std::size_t n) { lcm_times(1000, n, 1000); });
    check("consistency", [](std::size_t n) { consistency_sigmas(1000, n); });
}

TEST_CASE("no list of levels is empty") {
    const auto check = [](const std::string& name, const auto& make) {
        CAPTURE(name);
        const std::string message = refusal([&] { make(std::size_t{0}); });
        CHECK_MESSAGE(is_complete(message, 0), message);
    };
    check("karras", [](std::size_t n) { karras_sigmas(n, good); });
    check("exponential", [](std::size_t n) { exponential_sigmas(n, good); });
    check("polyexponential", [](std::size_t n) { polyexponential_sigmas(n, good); });
    check("kl optimal", [](std::size_t n) { kl_optimal_sigmas(n, good); });
    check("beta", [](std::size_t n) { beta_sigmas(n, good); });
    check("vp", [](std::size_t n) { vp_sigmas(n); });
    check("ays", [](std::size_t n) { ays_sigmas(n, ays_model::stable_diffusion_xl); });
    check("flow", [](std::size_t n) { flow_times(n); });
    check("uniform time", [](std::size_t n) { uniform_time(vp_linear{}, n); });
    check("uniform lambda", [](std::size_t n) { uniform_lambda(vp_linear{}, n, 1, 0.01); });
    check("groups of calls", [](std::size_t n) { call_groups(n, 2); });
    check("given levels", [](std::size_t) { grid_of_sigmas(schedule, std::vector<double>{}); });
    check("given times", [](std::size_t) { make_grid(schedule, std::vector<double>{}); });
    check("part of no grid", [](std::size_t) { start_at({}, 0.5); });
    check("end of no grid", [](std::size_t) { ending_at_first_level(schedule, {}); });
    check("shares of no grid", [](std::size_t) { stretched_times({}, 0.1); });
}

TEST_CASE("levels and times are finite, in order, and in range") {
    const auto check = [](const std::string& name, const std::function<void(double)>& make,
                          std::initializer_list<double> bad) {
        CAPTURE(name);
        for (const double value : bad) {
            const std::string message = refusal([&] { make(value); });
            CHECK_MESSAGE(is_complete(message, value), message);
        }
    };
    const auto lists = [&](const std::string& name, const auto& make) {
        check(name, [&](double v) { make(sigma_range{v, 10}); }, {none, inf, -inf, 0, -1});
        check(name, [&](double v) { make(sigma_range{0.1, v}); }, {none, inf, -inf, 0, 0.1, 0.05});
    };
    lists("karras", [](const sigma_range& r) { karras_sigmas(5, r); });
    lists("exponential", [](const sigma_range& r) { exponential_sigmas(5, r); });
    lists("polyexponential", [](const sigma_range& r) { polyexponential_sigmas(5, r); });
    lists("kl optimal", [](const sigma_range& r) { kl_optimal_sigmas(5, r); });
    lists("beta", [](const sigma_range& r) { beta_sigmas(5, r); });
    lists("consistency", [](const sigma_range& r) { consistency_sigmas(40, 5, r); });

    check("karras, rho", [](double v) { karras_sigmas(5, good, v); }, {none, inf, 0, -7});
    check("polyexponential, rho", [](double v) { polyexponential_sigmas(5, good, v); },
          {none, inf, 0, -1});
    check("beta, a", [](double v) { beta_sigmas(5, good, v); }, {none, inf, 0, -1});
    check("beta, b", [](double v) { beta_sigmas(5, good, 0.6, v); }, {none, inf, 0, -1});
    check("vp, beta_d", [](double v) { vp_sigmas(5, v); }, {none, inf, 0, -1});
    check("vp, beta_min", [](double v) { vp_sigmas(5, 19.9, v); }, {none, inf, -1});
    check("vp, t_last", [](double v) { vp_sigmas(5, 19.9, 0.1, v); }, {none, inf, 0, 1, -1});
    check("flow, first", [](double v) { flow_times(5, v); }, {none, inf, 0, -1, 2});
    check("flow, last", [](double v) { flow_times(5, 1, v); }, {none, inf, -1, 1, 2});
    check("shift", [](double v) { shifted_times({0.5}, v); }, {none, inf, 0, -1});
    check("shift of a schedule", [](double v) { shifted_flow_schedule{v}(0.5); },
          {none, inf, 0, -1});
    check("shift of the ratio", [](double v) { shifted_snr(schedule, v); }, {none, inf, 0, -1});
    check("stretched", [](double v) { stretched_times({0.5}, v); }, {none, inf, 0, 1, -1});
    check("stretched, time", [](double v) { stretched_times({v, 0.5}, 0.1); }, {none, 2, -1});
    check("strength", [](double v) { start_at(leading(schedule, 5), v); },
          {none, inf, 0, -0.5, 1.5, 0.1});
    check("lcm, strength", [](double v) { lcm_times(1000, 4, 50, v); }, {none, inf, 0, -0.5, 1.5});
    check("quadratic, reach", [](double v) { quadratic(schedule, 5, v); }, {none, inf, 0, -1});

    const std::vector<std::vector<double>> lists_of_levels{
        {none, 3, 1}, {5, none, 1}, {5, 3, none}, {inf, 3, 1}, {5, inf, 1}, {5, 3, -inf},
        {5, 3, -1},   {5, 5, 1},    {3, 5, 1},    {5, 0, 1},   {5, 0, 0},   {1e9, 3, 1}};
    for (const std::vector<double>& sigmas : lists_of_levels) {
        const std::string message = refusal([&] { grid_of_sigmas(schedule, sigmas); });
        CHECK_MESSAGE(is_complete(message), message);
    }
    check("times",
          [](double v) {
              make_grid(schedule, {900, v, 100});
          },
          {none, inf, -inf, 900, 950, 100});
    check("first time", [](double v) { make_grid(schedule, {v, 100}); }, {none, inf, 1000, 100});
    check("last time", [](double v) { make_grid(schedule, {900, v}); }, {none, -inf, -0.5, 900});
    check("uniform time, first", [](double v) { uniform_time(vp_linear{}, 5, v, 0.1); },
          {none, inf, 2, 0.1, 0});
    check("uniform time, last", [](double v) { uniform_time(vp_linear{}, 5, 1, v); }, {-1, 1});
    CHECK(is_complete(refusal([] { uniform_time(vp_linear{}, 5, 1, none); })));
    check("uniform lambda, first", [](double v) { uniform_lambda(vp_linear{}, 5, v, 0.1); },
          {none, inf, 2});
    check("uniform lambda, last", [](double v) { uniform_lambda(vp_linear{}, 5, 1, v); },
          {none, inf, -1});
}
