// The order of a solver, measured: on data N(m, s^2) the perfect denoiser and the exact solution of
// the probability-flow ODE are known (support/gaussian_toy.hpp). Twice as many steps of equal
// lambda make the error 2^order times smaller.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include <support/worse.hpp>
#include "rule/order.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;

namespace {

const support::gaussian_toy toy{0.7, 0.5};
using state = std::array<double, 1>;

struct interval {
    double first, last;
};
/// On one interval the leading error terms of a method may happen to cancel; not on all of them.
constexpr interval intervals[] = {{0.8, 0.05}, {0.8, 0.2}, {0.6, 0.1}};

time_grid grid(std::size_t n, interval t = intervals[0]) {
    return uniform_lambda(vp_linear{}, n, t.first, t.last, grid_end::last_time);
}

double exact(const time_grid& g, std::size_t i) { return toy.flow(1.9, g.front(), g[i]); }

/// The largest error at the end of n steps. With exact_start the first order - 1 states are exact.
template <class Rule>
double error(const Rule& rule, std::size_t n, bool exact_start) {
    double worst = 0;
    for (const interval& t : intervals) {
        const multistep plan(rule, grid(n, t));
        state x{1.9};
        auto memory = plan.init(x);
        for (std::size_t i = 0; i < n; ++i) {
            plan.predict(i, x, memory, toy);
            if (exact_start && i + 1 < plan.order) x[0] = exact(plan.grid(), i + 1);
            else plan.advance(i, x, memory, no_noise{});
        }
        worst = support::worse(worst, std::abs(x[0] - exact(plan.grid(), n)));
    }
    return worst;
}

template <class Rule>
double order(const Rule& rule, bool exact_start = true) {
    return std::log2(error(rule, 64, exact_start) / error(rule, 128, exact_start));
}

}  // namespace

TEST_CASE("DDIM is of order 1") {
    CHECK(std::abs(order(ddim{}) - 1) < 0.3);
    CHECK(std::abs(order(exponential_adams<1>{}) - 1) < 0.3);
    CHECK(std::abs(order(exponential_adams<1, prediction::noise>{}) - 1) < 0.3);
}

TEST_CASE("exponential Adams of order K is of order K, on data and on noise") {
    CHECK(std::abs(order(exponential_adams<2>{}) - 2) < 0.3);
    CHECK(std::abs(order(exponential_adams<3>{}) - 3) < 0.3);
    CHECK(std::abs(order(exponential_adams<4>{}) - 4) < 0.3);
    CHECK(std::abs(order(exponential_adams<2, prediction::noise>{}) - 2) < 0.3);
    CHECK(std::abs(order(exponential_adams<3, prediction::noise>{}) - 3) < 0.3);
    CHECK(std::abs(order(exponential_adams<4, prediction::noise>{}) - 4) < 0.3);
}

TEST_CASE("DPM-Solver++ 2M is of order 2") { CHECK(std::abs(order(dpm_solver_pp_2m{}) - 2) < 0.3); }

TEST_CASE("a method of order 2 may start itself with a step of DDIM and keep its order") {
    CHECK(std::abs(order(dpm_solver_pp_2m{}, false) - 2) < 0.3);
    CHECK(std::abs(order(exponential_adams<2>{}, false) - 2) < 0.3);
}

TEST_CASE("Heun's method is of order 2") {
    const auto error_of_heun = [](std::size_t n) {
        const singlestep plan(heun{}, grid(n));
        state x{1.9};
        sample(x, plan, toy);
        return std::abs(x[0] - exact(plan.grid(), n));
    };
    CHECK(std::abs(std::log2(error_of_heun(64) / error_of_heun(128)) - 2) < 0.3);
}

TEST_CASE("ancestral sampling converges in distribution with order 1") {
    CHECK(std::abs(measured_multistep_weak_order(ddpm{}) - 1) < 0.3);
    CHECK(std::abs(measured_multistep_weak_order(ddim{1}) - 1) < 0.3);
    CHECK(std::abs(measured_multistep_weak_order(ddim{0.5}) - 1) < 0.3);
}

TEST_CASE("the large variance of DDPM is forgotten as the steps become short") {
    CHECK(measured_multistep_weak_order(ddpm{reverse_variance::large}) > 0.7);
}

TEST_CASE("the SDE form of 2M converges in distribution, and is better than ancestral sampling") {
    CHECK(measured_multistep_weak_order(dpm_solver_pp_2m{1}) > 0.7);
    CHECK(multistep_variance_error(dpm_solver_pp_2m{1}, 128) <
          0.5 * multistep_variance_error(ddim{1}, 128));
    MESSAGE("weak order of SDE 2M: " << measured_multistep_weak_order(dpm_solver_pp_2m{1}));
}
