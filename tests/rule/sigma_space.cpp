// Euler, Heun, DPM2 and their ancestral and stirred forms: identities, orders, moments, refusals.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <span>
#include <stdexcept>
#include <utility>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ancestral.hpp>
#include <diffusion/rule/churn.hpp>
#include <diffusion/rule/dpm2.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/euler.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/flow_heun.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/rule/in_time.hpp>
#include <diffusion/schedule/continuous.hpp>

#include "golden/published_churn.hpp"
#include "rule/grids.hpp"
#include "rule/order.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

const nodes_of nodes{vp_linear{}};
const support::gaussian_toy toy{0.7, 0.5};

grid_step step_between(double first, double last) {
    return {0, 10, node_at(vp_linear{}, first), node_at(vp_linear{}, last)};
}

template <std::size_t K>
void check_close(const gaussian_kernel<K>& p, const gaussian_kernel<K>& q) {
    CHECK(p.a == Approx(q.a).epsilon(1e-12));
    for (std::size_t k = 0; k < K; ++k) CHECK(p.b[k] == Approx(q.b[k]).epsilon(1e-12));
    CHECK(p.c == Approx(q.c).epsilon(1e-12));
}

/// The variance that a plan ends with, over the right one.
template <class Plan>
double variance_ratio(const Plan& plan) {
    const auto square = [](double v) { return v * v; };
    return variance_at_end(plan, toy, square(toy.std_at(plan.grid().front()))) /
           square(toy.std_at(plan.grid().back()));
}

/// sigma'/... of the exploding schedule with sigma = t, and of the straight path.
const auto exploding_rates = [](const node&) { return level_rates{0, 1}; };
const auto straight_rates = [](const node&) { return level_rates{-1, 1}; };

}  // namespace

TEST_CASE("Euler's method in sigma/alpha is DDIM, and Euler ancestral is DDIM with eta") {
    const auto [i, n, t, s] = step_between(0.6, 0.3);
    const std::span<const node> seen(&t, 1);
    const gaussian_kernel<1> ours = euler(seen, s);
    const double rho_t = t.sigma / t.alpha, rho_s = s.sigma / s.alpha;
    // y_s = y_t + (rho_s - rho_t) (y_t - x0)/rho_t, times alpha_s
    CHECK(ours.a == Approx(s.alpha / t.alpha * (rho_s / rho_t)).epsilon(1e-13));
    CHECK(ours.b[0] == Approx(s.alpha * (1 - rho_s / rho_t)).epsilon(1e-13));
    CHECK(ours.c == 0);
    check_close(ours, exponential_adams<1>{}(seen, s));

    for (const double eta : {0.0, 0.5, 1.0}) {
        const double up = eta * rho_s * std::sqrt(1 - rho_s * rho_s / (rho_t * rho_t));
        const double down = std::sqrt(rho_s * rho_s - up * up);
        const gaussian_kernel<1> theirs{
            s.alpha / t.alpha * (down / rho_t), {s.alpha * (1 - down / rho_t)}, s.alpha * up};
        check_close(euler_ancestral(eta)(seen, s), theirs);
        check_close(ancestral(euler, eta)({i, n, t, s}).to[0], theirs);
    }
}

TEST_CASE("DPM2's stages are those of its definition") {
    const grid_step step = step_between(0.6, 0.3);
    const auto& [i, n, t, s] = step;
    const stages<2> ours = dpm2(nodes)(step);
    REQUIRE(ours.count == 2);
    const node& r = ours.at[1];
    const double rho_t = t.sigma / t.alpha, rho_s = s.sigma / s.alpha;
    CHECK(r.sigma / r.alpha == Approx(std::sqrt(rho_t * rho_s)).epsilon(1e-13));
    CHECK(r.lambda == Approx(nodes.schedule(r.t).lambda).epsilon(1e-12));
    check_close(ours.to[0], {r.alpha / t.alpha, {r.alpha * (r.sigma / r.alpha - rho_t), 0}, 0});
    check_close(ours.to[1], {s.alpha / t.alpha, {0, s.alpha * (rho_s - rho_t)}, 0});
}

TEST_CASE("a second slope at the end of the step is Heun's method") {
    const grid_step step = step_between(0.6, 0.3);
    const stages<2> ours = second_slope{nodes, 1}(step), theirs = heun{}(step);
    for (std::size_t k = 0; k < 2; ++k) check_close(ours.to[k], theirs.to[k]);
    CHECK(ours.at[1].lambda == Approx(step.s.lambda));
    CHECK(second_slope{nodes}(step).to[1].b[0] == 0);  // the midpoint method
}

TEST_CASE(
    "in the time that is sigma/alpha Heun's method in time is Heun's, on the straight path "
    "it is that of flow matching") {
    const std::array<node, 2> at{node_at(edm_schedule{}, 3), node_at(edm_schedule{}, 1.5)};
    const stages<2> ours = heun_in_time{exploding_rates}({0, 1, at[0], at[1]});
    const stages<2> noise = heun{}({0, 1, at[0], at[1]});
    // the same map of x and x0-hat: eps-hat = (x - x0-hat)/sigma
    const double y_x = ours.to[0].a, y_0 = ours.to[0].b[0];
    const auto& [a, b, c] = noise.to[1];
    CHECK(ours.to[1].a == Approx(a + b[0] / at[0].sigma + b[1] / at[1].sigma * y_x).epsilon(1e-13));
    CHECK(ours.to[1].b[0] == Approx(-b[0] / at[0].sigma + b[1] / at[1].sigma * y_0).epsilon(1e-13));
    CHECK(ours.to[1].b[1] == Approx(-b[1] / at[1].sigma).epsilon(1e-13));

    const grid_step step{0, 1, node_at(flow_schedule{}, 0.8), node_at(flow_schedule{}, 0.5)};
    const stages<2> straight = heun_in_time{straight_rates}(step), flow = flow_heun{}(step);
    for (std::size_t k = 0; k < 2; ++k) check_close(straight.to[k], flow.to[k]);
}

TEST_CASE("Euler's method in time leaves noise in the step to clean data, Euler's in sigma not") {
    const node t = node_at(edm_schedule{}, 0.5);
    const node clean = clean_node(edm_schedule{});
    const auto root_rates = [](const node& n) { return level_rates{0, 0.5 / n.sigma}; };
    const node in_root{t.sigma * t.sigma, 1, t.sigma, t.lambda};  // sigma = sqrt(t)
    const gaussian_kernel<1> theirs =
        euler_in_time{root_rates}(std::span<const node>(&in_root, 1), clean);
    CHECK(theirs.a == Approx(0.5));
    CHECK(euler(std::span<const node>(&t, 1), clean) == gaussian_kernel<1>{0, {1}, 0});
    check_close(euler_in_time{exploding_rates}(std::span<const node>(&t, 1), clean), {0, {1}, 0});
}

TEST_CASE("Heun, DPM2, their family and Heun in time are of order 2, Euler in time of order 1") {
    CHECK(std::abs(measured_singlestep_order(euler, 64) - 1) < 0.3);
    CHECK(std::abs(measured_singlestep_order(heun{}, 32) - 2) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm2(nodes)) - 2) < 0.3);
    for (const double share : {0.3, 2.0 / 3, 1.0})
        CHECK(std::abs(measured_singlestep_order(second_slope{nodes, share}, 32) - 2) < 0.3);
    // y = sqrt(s^2 + rho^2) solves the equation of Gaussian data, for which the leading error of
    // the midpoint method, h^3 (y''' + 3 f_y y'')/24, happens to be 0: it is of order 3 here.
    CHECK(std::abs(measured_singlestep_order(second_slope{nodes, 0.5}, 32) - 3) < 0.3);
    const auto rates = [](const node& n) {  // of vp_linear: log alpha = -19.9 t^2/4 - t/20
        const double rate = -(0.5 * 19.9 * n.t + 0.05);
        return level_rates{rate * n.alpha, -rate * n.alpha * n.alpha / n.sigma};
    };
    CHECK(std::abs(measured_singlestep_order(heun_in_time{rates}, 64, equal_time{}) - 2) < 0.3);
    CHECK(std::abs(measured_singlestep_order(euler_in_time{rates}, 64, equal_time{}) - 1) < 0.3);
}

TEST_CASE("ancestral and stirred methods converge in distribution") {
    CHECK(std::abs(measured_weak_order(euler_ancestral(1)) - 1) < 0.3);
    CHECK(std::abs(measured_weak_order(ancestral(euler, 0.5)) - 1) < 0.3);
    CHECK(std::abs(measured_weak_order(dpm2_ancestral(nodes, 1)) - 2) < 0.3);
    CHECK(std::abs(measured_weak_order(dpm2_ancestral(nodes, 0.5)) - 2) < 0.3);
    const nodes_of held{vp_linear{}, told_time::exact, outside_range::hold_time};
    CHECK(std::abs(measured_weak_order(churned(euler, held, {.amount = 10})) - 1) < 0.3);
    CHECK(std::abs(measured_weak_order(churned(heun{}, held, {.amount = 10})) - 2) < 0.3);
    CHECK(std::abs(measured_weak_order(churned(dpm2(held), held, {.amount = 10})) - 2) < 0.3);
}

TEST_CASE("churn noises to sqrt(2) at most, between two levels, over the steps of the grid") {
    const grid_step step = step_between(0.6, 0.3);  // the first of 10
    const double rho = step.t.sigma / step.t.alpha;
    const auto risen = [&](churn how) {
        const stages<2> result = churned(heun{}, nodes, how)(step);
        const node& to = result.at[0];
        CHECK(result.stir.a == Approx(to.alpha / step.t.alpha).epsilon(1e-13));
        // alpha_s^2 (rho_s^2 - rho_t^2)
        const double variance = to.sigma * to.sigma - std::pow(result.stir.a * step.t.sigma, 2);
        CHECK(result.stir.c == Approx(how.noise * std::sqrt(variance)).epsilon(1e-9));
        return to.sigma / to.alpha / rho;
    };
    CHECK(risen({.amount = 2}) == Approx(1.2));
    CHECK(risen({.amount = 2, .noise = 1.1}) == Approx(1.2));
    CHECK(risen({.amount = 100}) == Approx(std::sqrt(2.0)));
    CHECK(risen({.amount = 2, .from = rho * 1.01}) == Approx(1));
    CHECK(risen({.amount = 2, .to = rho / 1.01}) == Approx(1));
    CHECK(risen({.amount = 2, .from = rho / 1.01, .to = rho * 1.01}) == Approx(1.2));
}

TEST_CASE("asked before the noise is added, the network leaves some of it: diffusers' churn") {
    const time_grid grid =
        make_grid(edm_schedule{}, {20, 14, 10, 7, 5, 3.5, 2.5, 1.8, 1.2, 0.8}, grid_end::last_time);
    const churn how{.amount = 4};
    const auto node_of = [](double rho) { return node_at(edm_schedule{}, rho); };
    const auto eps = [](double sigma) { return golden::affine_reading{1, -sigma}; };
    const double ours = variance_ratio(singlestep(churned(euler, node_of, how), grid));
    const double theirs = variance_ratio(singlestep(golden::published_churn{how, eps, true}, grid));
    const double without = variance_ratio(singlestep(euler, grid));
    CHECK(std::abs(ours - 1) < 0.3);
    CHECK(std::abs(without - 1) < 0.3);
    CHECK(theirs > 1.5);
    MESSAGE("variance over the right one: " << ours << ", asked first " << theirs);
}

TEST_CASE("ancestral needs a rule that does not ask at its end") {
    CHECK_THROWS_WITH_AS(ancestral(heun{})(step_between(0.6, 0.3)),
                         "diffusion::ancestral: the rule must not ask the network at the end of "
                         "its step; it does in step number, got 0",
                         std::invalid_argument);
    CHECK_NOTHROW(ancestral(heun{}, 1)({0, 1, node_at(vp_linear{}, 0.3), clean_node(vp_linear{})}));
}

TEST_CASE("options that make no sense are refused") {
    const grid_step step = step_between(0.6, 0.3);
    for (const double bad : {-1.0, double(NAN), double(INFINITY)}) {
        CAPTURE(bad);
        CHECK_THROWS_AS(churned(heun{}, nodes, {.amount = bad}), std::invalid_argument);
        CHECK_THROWS_AS(churned(heun{}, nodes, {.from = bad}), std::invalid_argument);
        CHECK_THROWS_AS(churned(heun{}, nodes, {.noise = bad}), std::invalid_argument);
        CHECK_THROWS_AS(dpm2_ancestral(nodes, bad)(step), std::invalid_argument);
        CHECK_THROWS_AS(euler_ancestral(bad)(std::span<const node>(&step.t, 1), step.s),
                        std::invalid_argument);
        CHECK_THROWS_AS(dpm_solver_pp_2s_ancestral(nodes, bad)(step), std::invalid_argument);
        CHECK_THROWS_AS(dpm_solver_pp_sde(nodes, bad)(step), std::invalid_argument);
        CHECK_THROWS_AS((second_slope{nodes, bad}(step)), std::invalid_argument);
    }
    for (const double bad : {-0.1, double(NAN)})
        CHECK_THROWS_WITH_AS(ancestral(dpm2(nodes), 1, bad),
                             doctest::Contains("cleanest must not be negative"),
                             std::invalid_argument);
    CHECK_THROWS_WITH_AS(ancestral(ddim{0.5})(step),
                         doctest::Contains("the rule must be deterministic"),
                         std::invalid_argument);
    CHECK_THROWS_AS((second_slope{nodes, 0}(step)), std::invalid_argument);
    CHECK_THROWS_AS((second_slope{nodes, 1.5}(step)), std::invalid_argument);
    CHECK_THROWS_AS(churned(heun{}, nodes, {.from = 2, .to = 1}), std::invalid_argument);
    CHECK_THROWS_AS(dpm_solver_pp_sde(nodes, 1, 0), std::invalid_argument);
    CHECK_THROWS_AS(dpm_solver_pp_sde(nodes, 1, 1), std::invalid_argument);
    // alpha = 0 has no rho, and clean data no direction
    const node pure = node_at(flow_schedule{}, 1), half = node_at(flow_schedule{}, 0.5);
    const nodes_of straight{flow_schedule{}};
    for (const auto& [t, s] : {std::pair(pure, half), std::pair(half, pure)}) {
        CHECK_THROWS_AS(heun{}({0, 1, t, s}), std::invalid_argument);
        CHECK_THROWS_AS((second_slope{straight}({0, 1, t, s})), std::invalid_argument);
    }
    CHECK_THROWS_AS(singlestep(dpm2(straight), time_grid{pure, half}), std::invalid_argument);
    CHECK_THROWS_AS(churned(heun{}, straight, {.amount = 1})({0, 1, pure, half}),
                    std::invalid_argument);
}
