#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/guidance_pp.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto with_prompt = [](const vector& x, double) { return vector{std::sin(x[0]) + 0.2}; };
const auto without_prompt = [](const vector& x, double) { return vector{0.6 * x[0]}; };

}  // namespace

TEST_CASE("CFG++ is algorithm 2 of Chung et al. 2024") {
    const discrete_schedule<> schedule;
    const time_grid grid = leading(schedule, 25);
    for (const double lambda : {0.0, 0.2, 0.6, 1.0}) {
        vector x{0.9};
        sample(x, multistep(ddim_published{}, grid),
               guided_pp(predicts_noise{with_prompt}, predicts_noise{without_prompt}, lambda,
                         vector(1)));
        double y = 0.9;
        for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
            const double bar_t = schedule.alpha_bar(static_cast<std::size_t>(grid[i].t));
            const double bar_s =
                grid[i + 1].t < 0 ? 1 : schedule.alpha_bar(static_cast<std::size_t>(grid[i + 1].t));
            const double eps_u = without_prompt({y}, 0)[0], eps_c = with_prompt({y}, 0)[0];
            const double eps = eps_u + lambda * (eps_c - eps_u);
            const double x0 = (y - std::sqrt(1 - bar_t) * eps) / std::sqrt(bar_t);  // line 5
            y = std::sqrt(bar_s) * x0 + std::sqrt(1 - bar_s) * eps_u;               // line 6
        }
        CHECK(x[0] == Approx(y).epsilon(1e-10));
    }
}

TEST_CASE("to rules that do not ask for the raw noise CFG++ is plain guidance") {
    const time_grid grid = leading(discrete_schedule<>{}, 25);
    vector x{0.9}, y{0.9};
    sample(x, multistep(ddim{}, grid),
           guided_pp(predicts_noise{with_prompt}, predicts_noise{without_prompt}, 0.6, vector(1)));
    sample(y, multistep(ddim{}, grid),
           guided(predicts_noise{with_prompt}, predicts_noise{without_prompt}, 0.6, vector(1)));
    CHECK(x[0] == Approx(y[0]).epsilon(1e-13));
}

TEST_CASE("what clips x0-hat leaves the direction of CFG++ alone") {
    const node t = node_at(discrete_schedule<>{}, 700);
    vector x0(1), eps(1);
    clipped denoise{
        guided_pp{predicts_noise{with_prompt}, predicts_noise{without_prompt}, 0.5, vector(1)},
        -0.1, 0.1};
    denoise.with_raw_noise(vector{3}, t, x0, eps);
    CHECK(eps[0] == Approx(1.8).epsilon(1e-14));
    CHECK(std::abs(x0[0]) == 0.1);
}

TEST_CASE("with lambda = 0 the condition is not asked") {
    int calls = 0;
    const auto counted = [&](const vector& x, double) {
        ++calls;
        return x;
    };
    vector x0(1), eps(1);
    const node t = node_at(discrete_schedule<>{}, 700);
    guided_pp denoise(predicts_noise{counted}, predicts_noise{without_prompt}, 0, vector(1));
    denoise(vector{1}, t, x0);
    denoise.with_raw_noise(vector{1}, t, x0, eps);
    CHECK(calls == 0);
    denoise.lambda = 0.5;
    denoise(vector{1}, t, x0);
    denoise.with_raw_noise(vector{1}, t, x0, eps);
    CHECK(calls == 2);
}

TEST_CASE("CFG++ refuses a lambda that is no number, and what either network refuses") {
    const auto make = [](double lambda) {
        return guided_pp(predicts_noise{with_prompt}, predicts_velocity{without_prompt}, lambda,
                         vector(1));
    };
    CHECK_THROWS_AS(make(NAN), std::invalid_argument);
    CHECK_THROWS_AS(make(INFINITY), std::invalid_argument);
    CHECK_THROWS_AS(make(0.5).check(node{1, 0, 1, -INFINITY}), std::invalid_argument);
}
