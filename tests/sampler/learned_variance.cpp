#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/sampler/learned_variance.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const time_grid grid = trailing(discrete_schedule<>{}, 20);

/// A network with a second output: what it says of the variance is `said`.
auto network(double said) {
    return [said](const vector& x, double, vector& out, vector& v) {
        for (std::size_t e = 0; e < x.size(); ++e) out[e] = 0.9 * x[e];
        v.assign(v.size(), said);
    };
}

template <class S, class D>
vector run(const S& plan, D denoise) {
    vector x(50);
    draw_prior(x, grid.front(), gaussian_noise{3});
    sample(x, plan, denoise, gaussian_noise{4});
    return x;
}

}  // namespace

TEST_CASE("at both ends of the range a learned variance is one of the two fixed ones") {
    for (const double said : {-1.0, 1.0}) {
        const predicts_noise denoise(two_outputs(network(said), vector(50)));
        const vector learned = run(learned_variance(grid), clipped(denoise)),
                     fixed = run(multistep(ddpm{said < 0 ? reverse_variance::small
                                                         : reverse_variance::large},
                                           grid),
                                 clipped(denoise));
        for (std::size_t e = 0; e < 50; ++e) CHECK(learned[e] == Approx(fixed[e]).epsilon(1e-10));
    }
}

TEST_CASE("between them log variance is interpolated, element by element") {
    // Nichol and Dhariwal 2021, eq. 15, for one step of DDPM
    const discrete_schedule<> schedule;
    const time_grid step = make_grid(schedule, {400, 399}, grid_end::last_time);
    const auto net = [](const vector&, double, vector& out, vector& v) {
        out = {0, 0, 0};
        v = {-1, 0, 0.5};
    };
    vector x(3);
    sample(x, learned_variance(step), predicts_noise(two_outputs(net, vector(3))),
           [](vector& z, const noise_address&) {
               z = {1, 1, 1};
           });
    const double beta = schedule.beta(400);
    const double small = beta * (1 - schedule.alpha_bar(399)) / (1 - schedule.alpha_bar(400));
    CHECK(x[0] == Approx(std::sqrt(small)).epsilon(1e-10));
    CHECK(x[1] == Approx(std::sqrt(std::sqrt(small * beta))).epsilon(1e-10));
    CHECK(x[2] ==
          Approx(std::exp(0.5 * (0.75 * std::log(beta) + 0.25 * std::log(small)))).epsilon(1e-10));
}

TEST_CASE("or the network says log variance itself") {
    const time_grid step = make_grid(discrete_schedule<>{}, {400, 300}, grid_end::last_time);
    vector x(1);
    const auto net = [](const vector&, double, vector& out, vector& v) {
        out = {0};
        v = {-3};
    };
    sample(x, learned_variance(step, variance_output::log_variance),
           predicts_noise(two_outputs(net, vector(1))),
           [](vector& z, const noise_address&) { z = {2}; });
    CHECK(x[0] == Approx(2 * std::exp(-1.5)).epsilon(1e-14));
}

TEST_CASE("or the log variance of the data, of which that of any step follows") {
    for (const double s : {399.0, 300.0, 10.0}) {
        const time_grid step = make_grid(discrete_schedule<>{}, {400, s}, grid_end::last_time);
        vector x(1);
        const auto net = [](const vector&, double, vector& out, vector& v) {
            out = {0};
            v = {-3};
        };
        sample(x, learned_variance(step, variance_output::data_log_variance),
               predicts_noise(two_outputs(net, vector(1))),
               [](vector& z, const noise_address&) { z = {2}; });
        const auto [a, b, c] = posterior(step[0], step[1]);
        CHECK(x[0] == Approx(2 * std::sqrt(c * c + b[0] * b[0] * std::exp(-3.0))).epsilon(1e-14));
    }
}

TEST_CASE(
    "a learned variance takes one call a step, and draws no noise in the step to clean data") {
    std::size_t calls = 0, draws = 0;
    const auto net = [&](const vector& x, double, vector& out, vector&) {
        ++calls;
        out = x;
    };
    vector x{1};
    sample(x, learned_variance(grid), predicts_velocity(two_outputs(net, vector(1))),
           [&](vector& z, const noise_address&) {
               ++draws;
               z = {0};
           });
    CHECK(calls == 20);
    CHECK(draws == 19);
}

TEST_CASE("where its variance is not asked for, a network with two outputs is like any other") {
    const auto one = [](const vector& x, double, vector& out) {
        for (std::size_t e = 0; e < x.size(); ++e) out[e] = 0.9 * x[e];
    };
    CHECK(run(multistep(ddpm{}, grid), predicts_noise(two_outputs(network(0.3), vector(50)))) ==
          run(multistep(ddpm{}, grid), predicts_noise(one)));
    static_assert(!variance_denoiser<predicts_noise<decltype(one)>, vector>);
    static_assert(
        variance_denoiser<clipped<predicts_noise<two_outputs<decltype(network(0)), vector>>>,
                          vector>);
    static_cast<void>(one);
}

TEST_CASE("grids that do not run from noise to data are refused") {
    CHECK_THROWS_AS(learned_variance(time_grid{}), std::invalid_argument);
    CHECK_THROWS_AS(learned_variance(inverted(grid)), std::invalid_argument);
}
