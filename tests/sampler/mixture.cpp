// Two groups of data and a perfect denoiser: sampling must give the mixture back.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/brownian.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ancestral_flow.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/rule/er_sde.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/reverse_diffusion.hpp>
#include <diffusion/sampler/dpm_adaptive.hpp>
#include <diffusion/sampler/dpm_fast.hpp>
#include <diffusion/sampler/langevin.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

namespace {

/// weight N(mean, std^2), the weights summing to 1.
struct group {
    double weight, mean, std;
};
constexpr group groups[] = {{0.3, -1, 0.3}, {0.7, 0.8, 0.2}};

double normal_cdf(double u) { return 0.5 * std::erfc(-u / std::sqrt(2.0)); }

double cdf(double x) {
    double sum = 0;
    for (const group& g : groups) sum += g.weight * normal_cdf((x - g.mean) / g.std);
    return sum;
}

/// E[(x - about)^k] for k = 1, 2, 3
double moment(int k, double about) {
    double sum = 0;
    for (const group& g : groups) {
        const double d = g.mean - about, v = g.std * g.std;
        sum += g.weight * (k == 1 ? d : k == 2 ? d * d + v : d * d * d + 3 * d * v);
    }
    return sum;
}

const gaussian_mixture denoise({{groups[0].weight, {groups[0].mean}, {0.3 * 0.3}},
                                {groups[1].weight, {groups[1].mean}, {0.2 * 0.2}}});

/// Kolmogorov's distance of the sample from the mixture, and its mean, variance and third moment.
void check_is_mixture(vector x, double tolerance) {
    std::sort(x.begin(), x.end());
    const double n = static_cast<double>(x.size());
    double distance = 0, mean = 0, variance = 0, third = 0;
    for (std::size_t e = 0; e < x.size(); ++e) {
        const double below = static_cast<double>(e) / n;
        distance = std::max({distance, cdf(x[e]) - below, below + 1 / n - cdf(x[e])});
        mean += x[e] / n;
    }
    for (const double e : x) {
        variance += (e - mean) * (e - mean) / n;
        third += (e - mean) * (e - mean) * (e - mean) / n;
    }
    const double exact_mean = moment(1, 0);
    CHECK(distance < tolerance);
    CHECK(std::abs(mean - exact_mean) < tolerance);
    CHECK(std::abs(variance - moment(2, exact_mean)) < tolerance);
    CHECK(std::abs(third - moment(3, exact_mean)) < 2 * tolerance);
}

/// n quantiles of N(0, 1): a start without sampling error.
vector quantiles(std::size_t n) {
    vector x(n);
    for (std::size_t e = 0; e < n; ++e) {
        const double u = (static_cast<double>(e) + 0.5) / static_cast<double>(n);
        double low = -10, high = 10;
        for (int i = 0; i < 60; ++i)
            (normal_cdf(0.5 * (low + high)) < u ? low : high) = 0.5 * (low + high);
        x[e] = low;
    }
    return x;
}

}  // namespace

TEST_CASE("deterministic solvers carry the normal distribution to the mixture") {
    const vector start = quantiles(1000);
    vector x = start;
    sample(x, multistep(ddim{}, uniform_time(vp_linear{}, 300)), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    sample(x, multistep(dpm_solver_pp_2m{}, uniform_lambda(vp_linear{}, 60, 1, 1e-4)), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    sample(x, singlestep(heun{}, uniform_lambda(vp_linear{}, 60, 1, 1e-4)), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    const nodes_of nodes{vp_linear{}};
    sample(x, singlestep(dpm_solver<3>(nodes), uniform_lambda(vp_linear{}, 30, 1, 1e-4)), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    sample(x, singlestep(dpm_solver_pp<3>(nodes), uniform_lambda(vp_linear{}, 30, 1, 1e-4)),
           denoise);
    check_is_mixture(x, 0.01);
    x = start;
    const time_grid ends{node_at(vp_linear{}, 1), node_at(vp_linear{}, 1e-4)};
    sample(x, dpm_adaptive<3>(nodes, ends, {.rtol = 1e-3, .atol = 1e-3}), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    sample(x, singlestep(flow_heun{}, uniform_time(flow_schedule{}, 60)), denoise);
    check_is_mixture(x, 0.01);
    x = start;
    sample(x, unipc<2>(uniform_lambda(vp_linear{}, 30, 1, 1e-4)), denoise);
    check_is_mixture(x, 0.01);
}

TEST_CASE("ancestral sampling draws from the mixture") {
    const time_grid grid = uniform_time(vp_linear{}, 400);
    vector x(10000);
    draw_prior(x, grid.front(), gaussian_noise{11});
    sample(x, multistep(ddim{1}, grid), denoise, gaussian_noise{11});
    check_is_mixture(x, 0.03);  // 3/sqrt(n) for the sampling error
}

TEST_CASE("ancestral DPM-Solvers and ER-SDE-Solver draw from the mixture with fewer steps") {
    const vp_linear vp;
    const time_grid grid = uniform_lambda(vp, 80, 1, 1e-4);
    const auto drawn = [](const auto& plan) {
        vector x(10000);
        draw_prior(x, plan.grid().front(), gaussian_noise{15});
        sample(x, plan, denoise, gaussian_noise{15});
        return x;
    };
    const time_grid fine = uniform_lambda(vp, 300, 1, 1e-4);
    check_is_mixture(drawn(singlestep(dpm_solver_pp<2>(nodes_of{vp}, {}, 1), fine)), 0.03);
    check_is_mixture(drawn(singlestep(dpm_solver_pp_2s_ancestral(nodes_of{vp}), grid)), 0.03);
    check_is_mixture(drawn(dpm_fast(nodes_of{vp}, 150, sigma_range_of(vp, 1, 1e-4), 1)), 0.03);
    check_is_mixture(drawn(multistep(er_sde<2>{}, grid)), 0.03);
    check_is_mixture(drawn(multistep(er_sde<3>{}, grid)), 0.03);
}

TEST_CASE("EDM's sampler and those of k-diffusion draw from the mixture") {
    const edm_schedule edm{0.002, 20};
    const auto grid = [&](std::size_t n) {
        return grid_of_sigmas(edm, karras_sigmas(n, {0.002, 20}));
    };
    const nodes_of nodes{edm, told_time::exact, outside_range::hold_time};
    const auto drawn = [](const auto& plan, const auto& noise) {
        vector x(10000);
        draw_prior(x, plan.grid().front(), gaussian_noise{16});
        sample(x, plan, denoise, noise);
        return x;
    };
    const gaussian_noise noise{16};
    const churn how{.amount = 20, .from = 0.02, .to = 10};
    check_is_mixture(drawn(singlestep(churned(heun{}, nodes, how), grid(60)), noise), 0.03);
    check_is_mixture(drawn(singlestep(churned(dpm2(nodes), nodes, how), grid(60)), noise), 0.03);
    check_is_mixture(drawn(singlestep(churned(euler, nodes, how), grid(300)), noise), 0.03);
    check_is_mixture(drawn(singlestep(dpm2_ancestral(nodes), grid(80)), noise), 0.03);
    check_is_mixture(
        drawn(singlestep(dpm_solver_pp_sde(nodes), grid(300)), brownian_noise(16, 0, 20)), 0.03);
}

TEST_CASE("ancestral sampling on the straight path draws from the mixture") {
    const time_grid grid = uniform_time(flow_schedule{}, 400);
    vector x(10000);
    draw_prior(x, grid.front(), gaussian_noise{13});
    sample(x, multistep(ancestral_flow{}, grid), denoise, gaussian_noise{13});
    check_is_mixture(x, 0.03);
}

TEST_CASE("reverse diffusion with Langevin corrections draws from the mixture") {
    const time_grid grid = uniform_time(ve_geometric{}, 400);
    vector x(10000);
    draw_prior(x, grid.front(), gaussian_noise{14});
    sample(x, langevin_corrected(reverse_diffusion{}, grid), denoise, gaussian_noise{14});
    check_is_mixture(x, 0.04);
}

TEST_CASE("SA-Solver draws from the mixture with a fifth of the steps") {
    const auto plan = sa_solver<2, 3>(uniform_lambda(vp_linear{}, 80, 1, 1e-4));
    vector x(10000);
    draw_prior(x, plan.grid().front(), gaussian_noise{12});
    sample(x, plan, denoise, gaussian_noise{12});
    check_is_mixture(x, 0.03);
}

TEST_CASE("on one Brownian path DPM++ SDE of more steps comes nearer to the same picture") {
    const nodes_of nodes{vp_linear{}};
    const auto picture = [&](std::size_t n, const auto& noise) {
        const singlestep plan(dpm_solver_pp_sde(nodes),
                              uniform_lambda(vp_linear{}, n, 0.9, 0.05, grid_end::last_time));
        vector x(1000);
        draw_prior(x, plan.grid().front(), gaussian_noise{17});
        sample(x, plan, denoise, noise);
        return x;
    };
    const auto distance = [&](std::size_t n, const auto& noise) {
        const vector coarse = picture(n, noise), fine = picture(4 * n, noise);
        double sum = 0;
        for (std::size_t e = 0; e < coarse.size(); ++e) sum += std::abs(coarse[e] - fine[e]);
        return sum / static_cast<double>(coarse.size());
    };
    const brownian_noise path(17, 0, 200);
    CHECK(distance(40, path) < 0.8 * distance(10, path));
    CHECK(distance(40, path) < 0.3 * distance(40, gaussian_noise{17}));
}

TEST_CASE("a solver that is stopped early has not reached the mixture: the test above can fail") {
    vector x = quantiles(1000);
    sample(x, multistep(ddim{}, uniform_time(vp_linear{}, 2)), denoise);
    std::sort(x.begin(), x.end());
    CHECK(std::abs(cdf(x[500]) - 0.5) > 0.03);
}
