// iPNDM against diffusers' IPNDMScheduler.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/rule/ipndm.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "runs.hpp"

using namespace golden;
using diffusion::node;
using diffusion::time_grid;

namespace {

// sigma = sin^2(pi u/2) at equal steps of u from 1 down to 0.
time_grid grid_of(const record& c) {
    const std::size_t n = c.count("set_timesteps.num_inference_steps");
    std::vector<double> times(n);
    for (std::size_t i = 0; i < n; ++i) {
        const double u = static_cast<double>(n - i) / static_cast<double>(n);
        const double root = std::sin(std::numbers::pi / 2 * u);
        times[i] = std::asin(root * root) * 2 / std::numbers::pi;
    }
    return diffusion::make_grid(diffusion::vp_cosine{0}, times);
}

// At pure noise, where eps-hat says nothing about the data, the reference takes x0-hat = 0.
struct ipndm_of_reference {
    static constexpr std::size_t order = 4;
    static constexpr diffusion::prediction extrapolates = diffusion::prediction::noise;

    diffusion::gaussian_kernel<4> operator()(std::span<const node> seen, const node& s) const {
        if (seen[0].alpha == 0) return {0, {s.sigma}, 0};
        return diffusion::ipndm<4>{}(seen, s);
    }
};

template <class T, class Rule>
trajectory<T> run_case(const record& c, const Rule& rule) {
    settings predicts;
    predicts.kind = "v_prediction";
    const network<T> net =
        c.text("model") == "dummy"
            ? dummy_network<T>()
            : gauss_network<T>([](double t) { return diffusion::vp_cosine{0}(t); }, predicts.kind);
    return run<T>(diffusion::multistep(rule, grid_of(c)), denoiser_of<T>(net, predicts));
}

}  // namespace

TEST_CASE("iPNDM gives the numbers of diffusers' IPNDMScheduler, but for its first step") {
    tally result("diffusers_ipndm");
    double worst_float = 0;
    std::map<std::size_t, double> first_step;  // by the number of steps
    for (const record& c : read("diffusers_ipndm")) {
        CAPTURE(c.id);
        const time_grid grid = grid_of(c);
        std::vector<double> times, alphas, sigmas;
        for (const node& n : grid) {
            if (&n != &grid.back()) times.push_back(n.t);
            alphas.push_back(n.alpha);
            sigmas.push_back(n.sigma);
        }
        CHECK(relative_error(times, c.numbers("timesteps")) < 1e-7);
        CHECK(relative_error(alphas, c.numbers("alphas")) < 1e-7);
        CHECK(relative_error(sigmas, c.numbers("betas")) < 1e-14);

        judge(result, c, error_of(c, [&] { return run_case<double>(c, diffusion::ipndm<4>{}); }),
              error_of(c, [&] { return run_case<double>(c, ipndm_of_reference{}); }));
        const double in_float = final_error(c, run_case<float>(c, ipndm_of_reference{}).last);
        worst_float = std::max(worst_float, in_float / (1e-5 + 10 * float_deviation(c)));

        // What the network says about the data is not heard: two networks, one result.
        const std::size_t n = c.count("set_timesteps.num_inference_steps");
        const double sum = c.number("steps.0.sum");
        CHECK(first_step.try_emplace(n, sum).first->second == sum);
    }
    result.finish();
    CHECK(first_step.size() == 3);
    CHECK(worst_float < 1);
}
