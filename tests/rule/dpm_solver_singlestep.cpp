#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/grid/call_groups.hpp>
#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/dpm_solver_pp_2s.hpp>
#include <diffusion/rule/dpm_solver_singlestep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "rule/order.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;
using state = std::array<double, 1>;

namespace {

const nodes_of nodes{vp_linear{}};
const support::gaussian_toy toy{0.7, 0.5};

time_grid equal_steps(std::size_t n, double first = 0.8, double last = 0.05) {
    return uniform_lambda(vp_linear{}, n, first, last, grid_end::last_time);
}

/// The weights of the last stage.
template <class Rule>
auto last_kernel(const Rule& rule, const node& t, const node& s) {
    const auto step = rule(grid_step{0, 1, t, s});
    return step.to[step.count - 1];
}

}  // namespace

TEST_CASE("a singlestep DPM-Solver of K evaluations is of order K, on data and on noise") {
    CHECK(std::abs(measured_singlestep_order(dpm_solver<1>(nodes), 64) - 1) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm_solver<2>(nodes)) - 2) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm_solver<3>(nodes)) - 3) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm_solver_pp<1>(nodes), 64) - 1) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm_solver_pp<2>(nodes)) - 2) < 0.3);
    CHECK(std::abs(measured_singlestep_order(dpm_solver_pp<3>(nodes)) - 3) < 0.3);
}

TEST_CASE("so are the other forms") {
    for (const singlestep_form form : {singlestep_form::taylor, singlestep_form::midpoint}) {
        CAPTURE(form);
        CHECK(std::abs(measured_singlestep_order(dpm_solver<2>(nodes, form)) - 2) < 0.3);
        CHECK(std::abs(measured_singlestep_order(dpm_solver<3>(nodes, form)) - 3) < 0.3);
        CHECK(std::abs(measured_singlestep_order(dpm_solver_pp<2>(nodes, form)) - 2) < 0.3);
        CHECK(std::abs(measured_singlestep_order(dpm_solver_pp<3>(nodes, form)) - 3) < 0.3);
    }
}

TEST_CASE("with three evaluations the order is 3 for r_2 = 2/3 only, two may stand anywhere") {
    for (const singlestep_form form : {singlestep_form::published, singlestep_form::taylor}) {
        CHECK(std::abs(measured_singlestep_order(
                           dpm_solver_pp<3>(in_lambda(nodes, {}, {0.2, 2.0 / 3}), form)) -
                       3) < 0.3);
        CHECK(std::abs(measured_singlestep_order(
                           dpm_solver_pp<3>(in_lambda(nodes, {}, {0.3, 0.9}), form)) -
                       2) < 0.3);
    }
    CHECK(std::abs(measured_singlestep_order(dpm_solver<2>(in_lambda(nodes, {}, {0.9}))) - 2) <
          0.3);
}

TEST_CASE("the weights are those of the papers") {
    const node t = node_at(vp_linear{}, 0.6), s = node_at(vp_linear{}, 0.4);
    const double h = s.lambda - t.lambda, r = 0.4, r_2 = 0.7;
    const auto close = [](double ours, double theirs) {
        CHECK(ours == Approx(theirs).epsilon(1e-12));
    };

    // Lu et al. 2022a, algorithm 4
    const auto two = dpm_solver<2>(in_lambda(nodes, {}, {r}))(grid_step{0, 1, t, s});
    REQUIRE(two.count == 2);
    const node u = two.at[1];
    close(u.lambda, t.lambda + r * h);
    close(two.to[0].a, u.alpha / t.alpha);
    close(two.to[0].b[0], -u.sigma * std::expm1(r * h));
    const double whole = -s.sigma * std::expm1(h);
    close(two.to[1].a, s.alpha / t.alpha);
    close(two.to[1].b[0], whole * (1 - 1 / (2 * r)));
    close(two.to[1].b[1], whole / (2 * r));

    // Lu et al. 2022a, algorithm 5
    const auto three = dpm_solver<3>(in_lambda(nodes, {}, {r, r_2}))(grid_step{0, 1, t, s});
    REQUIRE(three.count == 3);
    const node v = three.at[2];
    const double D_1 = -v.sigma * (r_2 / r) * (std::expm1(r_2 * h) / (r_2 * h) - 1);
    close(three.to[1].a, v.alpha / t.alpha);
    close(three.to[1].b[0], -v.sigma * std::expm1(r_2 * h) - D_1);
    close(three.to[1].b[1], D_1);
    const double D_2 = -s.sigma / r_2 * (std::expm1(h) / h - 1);
    close(three.to[2].b[0], whole - D_2);
    CHECK(three.to[2].b[1] == 0);
    close(three.to[2].b[2], D_2);

    // Lu et al. 2022b, algorithm 1
    const auto data = dpm_solver_pp<2>(in_lambda(nodes, {}, {r}))(grid_step{0, 1, t, s});
    close(data.to[0].a, u.sigma / t.sigma);
    close(data.to[0].b[0], -u.alpha * std::expm1(-r * h));
    close(data.to[1].a, s.sigma / t.sigma);
    close(data.to[1].b[0], -s.alpha * std::expm1(-h) * (1 - 1 / (2 * r)));
    close(data.to[1].b[1], -s.alpha * std::expm1(-h) / (2 * r));
}

TEST_CASE(
    "one evaluation is DDIM, and every stage of a data rule transports constant data exactly") {
    const node t = node_at(vp_linear{}, 0.6), s = node_at(vp_linear{}, 0.4);
    for (const double eta : {0.0, 1.0}) {
        const gaussian_kernel<1> ours =
            last_kernel(dpm_solver_pp<1>(nodes, singlestep_form::published, eta), t, s);
        const gaussian_kernel<1> theirs = ddim{eta}(std::array{t}, s);
        CHECK(ours.a == Approx(theirs.a).epsilon(1e-13));
        CHECK(ours.b[0] == Approx(theirs.b[0]).epsilon(1e-13));
        CHECK(ours.c == Approx(theirs.c).epsilon(1e-13));
    }
    for (const singlestep_form form :
         {singlestep_form::published, singlestep_form::taylor, singlestep_form::midpoint})
        for (const double eta : {0.0, 0.5, 1.0}) {
            const auto step = dpm_solver_pp<3>(nodes, form, eta)(grid_step{0, 1, t, s});
            for (std::size_t k = 0; k < 3; ++k) {
                const node end = k < 2 ? step.at[k + 1] : s;
                const auto& [a, b, c] = step.to[k];
                CHECK(a * t.alpha + b[0] + b[1] + b[2] == Approx(end.alpha).epsilon(1e-13));
                CHECK(a * a * t.sigma * t.sigma + c * c ==
                      Approx(end.sigma * end.sigma).epsilon(1e-13));
            }
        }
}

TEST_CASE("inner nodes of a fine grid that lie at equal shares of lambda give the same") {
    const time_grid fine = equal_steps(9);
    const singlestep by_nodes(dpm_solver_pp<3>(at_nodes{fine}), coarse(fine, {3, 3, 3}));
    const singlestep by_shares(dpm_solver_pp<3>(nodes), coarse(fine, {3, 3, 3}));
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t k = 0; k < 3; ++k)
            for (std::size_t j = 0; j < 3; ++j)
                CHECK(by_nodes.stage(i).to[k].b[j] ==
                      Approx(by_shares.stage(i).to[k].b[j]).epsilon(1e-10));
}

TEST_CASE(
    "the number of calls of a step may differ from step to step, and is one in a step to clean "
    "data") {
    const time_grid grid = uniform_lambda(vp_linear{}, 4, 0.8, 0.05);
    const singlestep plan(dpm_solver<3>(in_lambda(nodes, {3, 2, 1, 3})), grid);
    const std::size_t expected[] = {3, 2, 1, 1};
    std::size_t calls = 0;
    std::vector<double> x{0.3};
    sample(x, plan, [&](const std::vector<double>& y, const node& t, std::vector<double>& x0) {
        ++calls;
        toy(y, t, x0);
    });
    for (std::size_t i = 0; i < 4; ++i) CHECK(plan.stage(i).count == expected[i]);
    CHECK(calls == 7);
}

TEST_CASE(
    "SDE forms converge in distribution with order 1, ancestral ones with that of their rule") {
    const auto weak_order = [](const auto& rule) { return measured_weak_order(rule, 128); };
    CHECK(std::abs(weak_order(dpm_solver_pp<2>(nodes, singlestep_form::published, 1)) - 1) < 0.3);
    CHECK(std::abs(weak_order(dpm_solver_pp<3>(nodes, singlestep_form::taylor, 1)) - 1) < 0.3);
    CHECK(std::abs(weak_order(dpm_solver_pp_sde(nodes, 1)) - 1) < 0.3);
    CHECK(std::abs(weak_order(dpm_solver_pp_sde(nodes, 0.5)) - 1) < 0.3);
    CHECK(std::abs(weak_order(dpm_solver_pp_2s_ancestral(nodes, 1)) - 2) < 0.3);
    CHECK(std::abs(weak_order(ancestral(dpm_solver_pp<1>(nodes), 1)) - 1) < 0.3);
}

TEST_CASE(
    "with an eta between 0 and 1 the share of the SDE is not that of DDIM, at the ends it is") {
    const node t = node_at(vp_linear{}, 0.6), s = node_at(vp_linear{}, 0.4);
    const auto sde = [&](double eta) {
        return last_kernel(dpm_solver_pp<2>(nodes, singlestep_form::published, eta), t, s);
    };
    const auto as_ddim = [&](double eta) {
        return last_kernel(dpm_solver_pp_sde(nodes, eta), t, s);
    };
    for (const double eta : {0.0, 1.0}) CHECK(sde(eta) == as_ddim(eta));
    CHECK(std::abs(sde(0.5).c - as_ddim(0.5).c) > 1e-3);
    CHECK(as_ddim(0.5).c == Approx(ddim{0.5}(std::array{t}, s).c).epsilon(1e-12));
    CHECK(as_ddim(0.5).a == Approx(ddim{0.5}(std::array{t}, s).a).epsilon(1e-12));
}

TEST_CASE("bad inner nodes and options are refused") {
    const time_grid grid = equal_steps(4);
    CHECK_THROWS_AS(in_lambda(nodes, {}, {0.0}), std::invalid_argument);
    CHECK_THROWS_AS(in_lambda(nodes, {}, {1.0}), std::invalid_argument);
    CHECK_THROWS_AS(in_lambda(nodes, {}, {0.6, 0.3}), std::invalid_argument);
    CHECK_THROWS_AS(in_lambda(nodes, {}, {NAN}), std::invalid_argument);
    const auto refused = [&](const auto& rule) {
        CHECK_THROWS_AS(singlestep(rule, grid), std::invalid_argument);
    };
    refused(dpm_solver<2>(in_lambda(nodes, {}, {0.3, 0.6})));  // a share too many
    refused(dpm_solver<3>(in_lambda(nodes, {3, 3, 3})));       // a step without its number
    refused(dpm_solver<2>(in_lambda(nodes, {2, 3, 2, 2})));    // more than the rule takes
    refused(dpm_solver<2>(in_lambda(nodes, {2, 0, 2, 2})));
    refused(dpm_solver_pp<2>(nodes, singlestep_form::published, -1));
    refused(dpm_solver_pp<2>(nodes, singlestep_form::published, NAN));
    refused(dpm_solver_pp_sde(nodes, 1.5));
    refused(dpm_solver_pp<2>(at_nodes{equal_steps(5)}));  // ends that are not of the fine grid
    const time_grid fine = equal_steps(8);
    CHECK_THROWS_AS(singlestep(dpm_solver<2>(at_nodes{fine}), coarse(fine, {3, 3, 2})),
                    std::invalid_argument);  // two nodes inside
    const time_grid clean = uniform_lambda(vp_linear{}, 4, 0.8, 0.05);
    CHECK_THROWS_AS(singlestep(dpm_solver<2>(at_nodes{clean}), coarse(clean, {2, 2})),
                    std::invalid_argument);  // an infinite h
    CHECK_THROWS_WITH_AS(in_lambda(nodes, {}, {2.0}),
                         "diffusion::in_lambda: shares must lie in (0, 1) and rise, got 2",
                         std::invalid_argument);
}

TEST_CASE("on a flow from alpha = 0 to clean data the groups of a fine grid reach the data") {
    const time_grid fine = uniform_time(flow_schedule{}, 60);
    for (std::size_t order = 2; order <= 3; ++order) {
        const singlestep plan(dpm_solver_pp<3>(at_nodes{fine}),
                              coarse(fine, call_groups(fine, order)));
        std::vector<double> x{0.4, -1.2};
        sample(x, plan, toy);
        CHECK(x[0] == Approx(toy.flow(0.4, fine.front(), fine.back())).epsilon(0.02));
        CHECK(x[1] == Approx(toy.flow(-1.2, fine.front(), fine.back())).epsilon(0.02));
    }
}
