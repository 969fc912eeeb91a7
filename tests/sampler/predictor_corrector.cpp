#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/deis.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/rule/exponential_adams_moulton.hpp>
#include <diffusion/sampler/predictor_corrector.hpp>
#include <diffusion/sampler/sa_solver.hpp>
#include <diffusion/sampler/unipc.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "rule/order.hpp"
#include "sampler/usage.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto network = [](const vector& x, double t, vector& eps) {
    for (std::size_t e = 0; e < x.size(); ++e) eps[e] = std::sin(3 * x[e] + t);
};

/// The textbook's loop, with the state before the predictor's step and its noise kept aside: after
/// the evaluation at t the step from r is done again, corrected, and then the step to s.
template <class P, class C>
vector by_textbook(vector x, const P& predictor, const C& corrector, const time_grid& grid,
                   last_steps ending, std::size_t uncorrected) {
    const std::size_t n = grid.size() - 1;
    std::vector<vector> m;  // the latest first
    vector x_r, z_r(x.size());
    predicts_noise denoise(network);
    const auto add = [](const auto& kernel, const vector& from, const std::vector<vector>& terms,
                        const vector& z) {
        vector to(from.size());
        for (std::size_t e = 0; e < to.size(); ++e) {
            to[e] = kernel.a * from[e] + kernel.c * z[e];
            for (std::size_t k = 0; k < kernel.b.size() && k < terms.size(); ++k)
                to[e] += kernel.b[k] * terms[k][e];
        }
        return to;
    };
    for (std::size_t i = 0; i < n; ++i) {
        vector x0(x.size()), eps(x.size());
        denoise.with_noise(x, grid[i], x0, eps);
        m.insert(m.begin(), P::extrapolates == prediction::data ? x0 : eps);
        if (i > 0 && i - 1 != uncorrected) {
            const std::size_t past = std::max<std::size_t>(C::order, 2) - 1;
            x = add(
                detail::kernel_on(corrector, grid, i - 1, detail::visible(past, i - 1, n, ending)),
                x_r, m, z_r);
        }
        if (grid[i].lambda == grid[i + 1].lambda) return x;
        vector z(x.size());
        gaussian_noise{5}(z, step_noise(i, grid[i], grid[i + 1]));
        x_r = x;
        z_r = z;
        x = add(detail::kernel_on(predictor, grid, i, detail::visible(P::order, i, n, ending)), x,
                m, z);
    }
    return x;
}

template <class P, class C>
void check_against_textbook(const P& predictor, const C& corrector, time_grid grid) {
    const vector start{1.9, -0.3, 0.8};
    for (const last_steps ending :
         {last_steps::full_order, last_steps::falling_order, last_steps::first_order})
        for (const bool twice : {false, true}) {
            time_grid nodes = grid;
            if (twice) nodes.push_back(nodes.back());
            const predictor_corrector plan(predictor, corrector, nodes, ending, {3});
            const vector found =
                usage::by_sample(start, plan, predicts_noise(network), gaussian_noise{5});
            const vector wanted = by_textbook(start, predictor, corrector, nodes, ending, 3);
            for (std::size_t e = 0; e < start.size(); ++e)
                CHECK(found[e] == Approx(wanted[e]).epsilon(1e-11));
        }
}

const time_grid& short_grid() {
    static const time_grid grid = uniform_lambda(vp_linear{}, 9, 0.9, 0.1, grid_end::last_time);
    return grid;
}

}  // namespace

TEST_CASE("one pass a step is the same as the predictor's and the corrector's steps one by one") {
    constexpr prediction noise = prediction::noise;
    check_against_textbook(unip<1>{}, unic<1>{}, short_grid());
    check_against_textbook(unip<2>{bh1}, unic<2>{bh1}, short_grid());
    check_against_textbook(unip<3>{}, unic<3>{}, short_grid());
    check_against_textbook(unip<2, noise>{}, unic<2, noise>{}, short_grid());
    check_against_textbook(unip<1>{}, unic<3>{}, short_grid());
    check_against_textbook(dpm_solver_pp_3m{}, unic<2>{}, short_grid());  // "solver_p"
    check_against_textbook(deis<2>{}, unic<2, noise>{}, short_grid());
    check_against_textbook(unip<3>{}, unic<1>{}, short_grid());
    check_against_textbook(sa_predictor<2>{}, sa_corrector<2>{}, short_grid());
    check_against_textbook(sa_predictor<3>{{0.5}}, sa_corrector<4>{{0.5}}, short_grid());
    check_against_textbook(sa_predictor<1>{{0.5}}, sa_corrector<1>{{0.5}}, short_grid());
    check_against_textbook(sa_predictor<2, noise>{{1, 0.3, 0.6}},
                           sa_corrector<2, noise>{{1, 0.3, 0.6}}, short_grid());
}

TEST_CASE("the grid's last node twice adds an evaluation that corrects the end") {
    time_grid nodes = short_grid();
    const std::size_t n = nodes.size() - 1;
    nodes.push_back(nodes.back());
    const auto plan = unipc<2>(nodes), other = unipc<2>(short_grid());
    CHECK(plan.size() == n + 1);
    CHECK(plan.kernel(n).a == 1);
    CHECK(plan.kernel(n).b[0] != 0);
    CHECK(other.size() == n);

    const support::gaussian_toy toy;
    vector corrected_end{1.9}, predicted_end{1.9};
    sample(corrected_end, unipc<2>(nodes, {.ending = last_steps::full_order}), toy);
    sample(predicted_end, unipc<2>(short_grid(), {.ending = last_steps::full_order}), toy);
    const double exact = toy.flow(1.9, nodes.front(), nodes.back());
    CHECK(std::abs(corrected_end[0] - exact) < std::abs(predicted_end[0] - exact));
}

TEST_CASE("with all steps uncorrected only the predictor is left") {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i + 1 < short_grid().size(); ++i) all.push_back(i);
    const auto plan =
        unipc<3>(short_grid(), {.ending = last_steps::full_order, .uncorrected = all});
    const multistep alone(unip<3>{}, short_grid());
    for (std::size_t i = 0; i < plan.size(); ++i) {
        for (std::size_t k = 0; k < 3; ++k) CHECK(plan.kernel(i).b[k] == alone.kernel(i).b[k]);
        CHECK(plan.kernel(i).b[3] == 0);
    }
}

TEST_CASE("a corrected predictor is itself a multistep rule") {
    const predictor_corrector plan(unip<2>{}, unic<2>{}, short_grid());
    const multistep rule(corrected{unip<2>{}, unic<2>{}}, short_grid());
    for (std::size_t i = 0; i < plan.size(); ++i) CHECK(plan.kernel(i) == rule.kernel(i));
}

TEST_CASE("one evaluation a step, at the nodes of the grid in turn") {
    std::vector<double> asked;
    const auto toy = [&](const vector& x, const node& t, vector& x0) {
        asked.push_back(t.t);
        support::gaussian_toy{}(x, t, x0);
    };
    const auto plan = unipc<3>(uniform_time(vp_linear{}, 12));
    vector x{1};
    sample(x, plan, toy);
    REQUIRE(asked.size() == 12);
    for (std::size_t i = 0; i < 12; ++i) CHECK(asked[i] == plan.grid()[i].t);
}

TEST_CASE("a predictor and a corrector run from pure noise to clean data") {
    const support::gaussian_toy toy;
    vector x{0.3};
    sample(x, unipc<2>(uniform_time(flow_schedule{}, 400)), toy);
    CHECK(x[0] == Approx(toy.mean + toy.std * 0.3).epsilon(1e-3));
}

TEST_CASE("a grid of one step is DDIM, of two steps corrected once") {
    const time_grid one = uniform_time(vp_linear{}, 1);
    const time_grid two = uniform_lambda(vp_linear{}, 2, 0.9, 0.1, grid_end::last_time);
    CHECK(unipc<3>(one).kernel(0).b[0] == multistep(ddim{}, one).kernel(0).b[0]);
    CHECK(unipc<3>(two).kernel(1).b[1] != 0);
    CHECK(unipc<3>(two, {.uncorrected = {0}}).kernel(1).b[1] == 0);
}

TEST_CASE("a predictor and a corrector also run from data to noise, and back") {
    const support::gaussian_toy toy;
    const time_grid grid = uniform_lambda(vp_linear{}, 40, 0.9, 0.01, grid_end::last_time);
    const time_grid back(grid.rbegin(), grid.rend());
    vector x{0.4, 1.3};
    sample(x, unipc<2>(back), toy);
    CHECK(x[0] == Approx(toy.flow(0.4, grid.back(), grid.front())).epsilon(1e-3));
    sample(x, unipc<2>(grid), toy);
    CHECK(x[0] == Approx(0.4).epsilon(1e-3));
    CHECK(x[1] == Approx(1.3).epsilon(1e-3));
}

TEST_CASE("a corrector is told from a predictor by its type") {
    static_assert(corrector_rule<unic<2>>);
    static_assert(corrector_rule<sa_corrector<1>>);
    static_assert(corrector_rule<exponential_adams_moulton<3, prediction::noise>>);
    static_assert(!corrector_rule<unip<2>>);
    static_assert(!corrector_rule<exponential_adams<3>>);
    static_assert(!corrector_rule<double>);
}

TEST_CASE("all usage styles give the same numbers, bit for bit") {
    const auto check = [](const auto& plan) {
        const vector start{1.9, -0.3};
        predicts_noise denoise(network);
        const gaussian_noise noise{3};
        const vector wanted = usage::by_sample(start, plan, denoise, noise);
        CHECK(usage::by_steps(start, plan, denoise, noise) == wanted);
        CHECK(usage::by_own_loop(start, plan, denoise, noise) == wanted);
        CHECK(usage::by_ask_and_tell(start, plan, denoise, noise) == wanted);
    };
    check(unipc<2>(short_grid()));
    check(unipc<2, prediction::noise>(short_grid()));
    check(sa_solver<2, 3>(short_grid(), constant_tau{0.5}));
}

TEST_CASE("what does not fit together is refused when the plan is made") {
    CHECK_THROWS_WITH_AS(unipc<2>({}),
                         "diffusion::predictor_corrector: a grid needs at least 2 nodes, got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(unipc<2>(short_grid(), {.uncorrected = {9}}),
                         "diffusion::predictor_corrector: there is no such uncorrected step, got 9",
                         std::invalid_argument);
    CHECK_THROWS_AS(predictor_corrector(unip<2>{bh2, 0.5}, unic<2>{}, short_grid()),
                    std::invalid_argument);
    CHECK_THROWS_AS(unipc<2>(time_grid{short_grid()[0], short_grid()[0]}), std::invalid_argument);
    time_grid repeated = short_grid();
    repeated.insert(repeated.begin() + 2, repeated[2]);
    CHECK_THROWS_AS(unipc<2>(repeated), std::invalid_argument);
    time_grid clean = uniform_time(vp_linear{}, 5);
    clean.push_back(clean.back());
    CHECK_THROWS_AS(unipc<2>(clean), std::invalid_argument);
    time_grid broken = short_grid();
    broken[3].lambda = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(unipc<2>(broken), std::invalid_argument);
    CHECK_THROWS_AS((sa_solver<2, 2>(short_grid(), constant_tau{-1})), std::invalid_argument);
    CHECK_THROWS_AS(predictor_corrector(unip<2>{bh2, -1}, unic<2>{bh2, -1}, short_grid()),
                    std::invalid_argument);
}
