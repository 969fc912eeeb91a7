#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/dpm_fast.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

const nodes_of nodes{vp_linear{}};
const sigma_range range = sigma_range_of(vp_linear{}, 1, 1e-3);
const support::gaussian_toy toy{0.7, 0.5};

}  // namespace

TEST_CASE("DPM-Solver-fast makes exactly n calls on steps of equal length in lambda") {
    for (std::size_t n = 1; n <= 30; ++n) {
        CAPTURE(n);
        const auto plan = dpm_fast(nodes, n, range);
        std::size_t calls = 0;
        vector x{0.4};
        sample(x, plan, [&](const vector& y, const node& t, vector& x0) {
            ++calls;
            toy(y, t, x0);
        });
        CHECK(calls == n);
        const time_grid& grid = plan.grid();
        const double h =
            (grid.back().lambda - grid.front().lambda) / static_cast<double>(plan.size());
        for (std::size_t i = 0; i < plan.size(); ++i)
            CHECK(grid[i + 1].lambda - grid[i].lambda == doctest::Approx(h).epsilon(1e-9));
    }
}

TEST_CASE("DPM-Solver-fast is of order 3 where its last step is") {
    const auto error = [](std::size_t n) {
        const auto plan = dpm_fast(nodes, n, {0.1, 3});
        vector x{1.9};
        sample(x, plan, toy);
        return std::abs(x[0] - toy.flow(1.9, plan.grid().front(), plan.grid().back()));
    };
    // 3 k + 1 calls: k steps of order 3 and one of order 1, whose error of one step is of order 2.
    CHECK(std::log2(error(46) / error(91)) > 1.7);
    // 3 k + 2 calls: one of order 2, whose error of one step is of order 3.
    CHECK(std::abs(std::log2(error(47) / error(95)) - 3) < 0.3);
}

TEST_CASE(
    "with eta it draws noise in all steps but the last, and ends at the data's distribution") {
    const auto plan = dpm_fast(nodes, 60, range, 1);
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const auto& step = plan.stage(i);
        CHECK((step.to[step.count - 1].c > 0) == (i + 1 < plan.size()));
    }
    vector x(20000);
    draw_prior(x, plan.grid().front(), gaussian_noise{3});
    sample(x, plan, toy, gaussian_noise{3});
    const double n = static_cast<double>(x.size());
    double mean = 0, variance = 0;
    for (const double e : x) mean += e / n;
    for (const double e : x) variance += (e - mean) * (e - mean) / n;
    CHECK(std::abs(mean - 0.7) < 0.02);
    CHECK(std::abs(variance - 0.25) < 0.02);
}

TEST_CASE("DPM-Solver-fast refuses no calls, ranges that do not fall, and a negative eta") {
    CHECK_THROWS_AS(dpm_fast(nodes, 0, range), std::invalid_argument);
    CHECK_THROWS_AS(dpm_fast(nodes, 10, {3, 0.1}), std::invalid_argument);
    CHECK_THROWS_AS(dpm_fast(nodes, 10, {0, 3}), std::invalid_argument);
    CHECK_THROWS_AS(dpm_fast(nodes, 10, range, -1), std::invalid_argument);
    CHECK_THROWS_AS(dpm_fast(nodes, 10, {1e-3, 1e6}),
                    std::invalid_argument);  // beyond the schedule
}
