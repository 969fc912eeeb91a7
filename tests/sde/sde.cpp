#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <diffusion/sde/continuous.hpp>
#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/sde/sde.hpp>
#include <diffusion/tensor/std.hpp>

#include "sde/processes.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;
using vector = std::vector<double>;

namespace {

struct without_marginal {
    double drift(double) const { return 0; }
    double diffusion(double) const { return 1; }
};

/// d alpha/dt and d sigma/dt of the straight path.
const auto straight = [](const node&) { return level_rates{-1, 1}; };

}  // namespace

TEST_CASE("an SDE is a schedule with its drift and its diffusion") {
    static_assert(linear_sde<vp_sde>);
    static_assert(linear_sde<decltype(sde_of{flow_schedule{}, straight})>);
    static_assert(!linear_sde<vp_linear>);
    static_assert(!linear_sde<without_marginal>);
}

TEST_CASE("f and g carry the mean and the variance of the schedule") {
    // m' = f m and v' = 2 f v + g^2, from the schedule's level at one time to that at another
    for_each_sde([](const auto& sde) {
        const noise_level begin = sde.marginal(0.05), end = sde.marginal(0.95);
        const auto moments = [&](double t, const vector& m, vector& dm) {
            const double f = sde.drift(t), g = sde.diffusion(t);
            dm[0] = f * m[0];
            dm[1] = 2 * f * m[1] + g * g;
        };
        vector m{begin.alpha, begin.sigma * begin.sigma};
        const dormand_prince solver({.rtol = 1e-11, .atol = 1e-13});
        auto memory = solver.init(m);
        solver.integrate(moments, 0.05, 0.95, m, memory);
        CHECK(m[0] == Approx(end.alpha).epsilon(1e-9));
        CHECK(m[1] == Approx(end.sigma * end.sigma).epsilon(1e-9));
    });
}

TEST_CASE("the SDE of any schedule follows from its rates of change") {
    for_each_sde([](const auto& sde) {
        const sde_of same{sde.marginal, rates_of{sde}};
        for (const double t : {0.02, 0.3, 0.7, 0.98}) {
            CHECK(same.drift(t) == Approx(sde.drift(t)).epsilon(1e-12));
            CHECK(same.diffusion(t) == Approx(sde.diffusion(t)).epsilon(1e-9));
        }
    });
    const sde_of path{flow_schedule{}, straight};
    CHECK(path.drift(0.25) == Approx(-4.0 / 3));
    CHECK(path.diffusion(0.25) == Approx(std::sqrt(2 * 0.25 / 0.75)));
}

TEST_CASE("sub-VP has less variance than VP and the same mean") {
    const vp_sde vp;
    const sub_vp_sde sub_vp;
    for (const double t : {0.01, 0.2, 0.5, 1.0}) {
        CHECK(sub_vp.marginal(t).alpha == vp.marginal(t).alpha);
        CHECK(sub_vp.marginal(t).sigma < vp.marginal(t).sigma);
        CHECK(sub_vp.diffusion(t) < vp.diffusion(t));
    }
    CHECK(sub_vp.diffusion(0) == 0);
}

TEST_CASE("a schedule that makes no sense, or a time outside of it, is refused by all three") {
    const ve_sde upside_down{{50, 0.01}};
    CHECK(is_complete(refusal([&] { upside_down.marginal(0.5); }), 0.01));
    CHECK(is_complete(refusal([&] { upside_down.drift(0.5); }), 0.01));
    CHECK(is_complete(refusal([&] { upside_down.diffusion(0.5); }), 0.01));
    CHECK(is_complete(refusal([&] { ve_sde{{0.01, 0.01}}.diffusion(0.5); }), 0.01));
    CHECK(is_complete(refusal([&] { vp_sde{{20, 0.1}}.drift(0.5); }), 0.1));
    CHECK(is_complete(refusal([&] { sub_vp_sde{{20, 0.1}}.diffusion(0.5); }), 0.1));
    CHECK(is_complete(refusal([&] { vp_sde{}.diffusion(1.5); }), 1.5));
    CHECK(is_complete(refusal([&] { cosine_sde{}.drift(1); }), 1));
    CHECK(is_complete(refusal([&] { flow_sde{}.diffusion(1); }), 1));
    const sde_of at_the_end{flow_schedule{}, straight};
    CHECK(is_complete(refusal([&] { at_the_end.drift(1); }), 0));
    const sde_of backwards{flow_schedule{}, [](const node&) { return level_rates{1, -1}; }};
    CHECK(is_complete(refusal([&] { backwards.diffusion(0.5); })));
}
