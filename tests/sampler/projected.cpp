#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/rule/dpm_solver.hpp>
#include <diffusion/rule/heun.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/projected.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/sampler/steps.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const time_grid grid = trailing(discrete_schedule<>{}, 20);
const support::gaussian_toy toy;

/// Pairs (a, b) whose sum is N(0, 2) and whose difference N(0, 2 r^2): E[x_0 | x] for r = 0.1.
struct correlated {
    template <class X>
    void operator()(const X& x, const node& t, X& x0) const {
        const auto shrink = [&](double u, double variance) {
            return t.alpha * variance / (t.alpha * t.alpha * variance + t.sigma * t.sigma) * u;
        };
        for (std::size_t e = 0; e + 1 < x.size(); e += 2) {
            const double sum = shrink(x[e] + x[e + 1], 1), rest = shrink(x[e] - x[e + 1], 0.01);
            x0[e] = (sum + rest) / 2;
            x0[e + 1] = (sum - rest) / 2;
        }
    }
};

}  // namespace

TEST_CASE(
    "a projection sees the first node before the first step and every other one after a step") {
    std::vector<node> seen;
    std::vector<std::size_t> numbers;
    const auto watch = [&](vector&, const node& at, std::size_t k, auto&) {
        seen.push_back(at);
        numbers.push_back(k);
    };
    vector x{1, 2}, same{1, 2};
    sample(x, projected(multistep(ddpm{}, grid), watch), toy, gaussian_noise{1});
    sample(same, multistep(ddpm{}, grid), toy, gaussian_noise{1});
    CHECK(x == same);  // one that does nothing changes nothing
    CHECK(seen == grid);
    for (std::size_t k = 0; k < numbers.size(); ++k) CHECK(numbers[k] == k);
}

TEST_CASE("the first state of a plan stays where it is known to be, whatever the sampler") {
    const vector known{0.3, -0.4, 0, 0, 0, 0}, mask{1, 1, 0, 0, 0, 0};
    const auto run = [&](const auto& plan) {
        vector x(6);
        draw_prior(x, grid.front(), gaussian_noise{1});
        sample(x, projected(plan, keep_known(known, mask)), toy, gaussian_noise{2});
        CHECK(x[0] == 0.3);
        CHECK(x[1] == -0.4);
        CHECK(x[2] != 0);
        return x;
    };
    run(multistep(ddim{}, grid));
    run(multistep(ddpm{}, grid));
    run(multistep(dpm_solver_pp_2m{}, grid));
    const time_grid positive = uniform_time(edm_schedule{}, 10);
    vector x(6);
    draw_prior(x, positive.front(), gaussian_noise{1});
    sample(x, projected(singlestep(heun{}, positive), keep_known(known, mask)), toy,
           gaussian_noise{2});
    CHECK(x[0] == 0.3);
}

TEST_CASE("what is known stands at every node with the noise of its level") {
    const std::size_t n = 2000;
    const projected plan(multistep(ddim{}, grid), keep_known(vector(n, 2), vector(n, 1)));
    vector x(n);
    for (const auto& [i, count, t, state, x0] : steps(x, plan, toy, gaussian_noise{3})) {
        double mean = 0, variance = 0;
        for (const double e : state) mean += e / static_cast<double>(n);
        for (const double e : state) variance += (e - mean) * (e - mean) / static_cast<double>(n);
        CHECK(std::abs(mean - 2 * t.alpha) < 0.1 * t.sigma + 1e-12);
        CHECK(std::abs(variance - t.sigma * t.sigma) < 0.15 * t.sigma * t.sigma + 1e-12);
        static_cast<void>(i), static_cast<void>(count), static_cast<void>(x0);
    }
}

TEST_CASE("inpainting follows from what is known") {
    // every second element is known to be 1.5; the one before it is nearly the same, the network
    // knows
    const std::size_t n = 400;
    vector known(n), mask(n), x(n);
    for (std::size_t e = 1; e < n; e += 2) known[e] = 1.5, mask[e] = 1;
    const auto mean_of_unknown = [&](const auto& plan) {
        draw_prior(x, grid.front(), gaussian_noise{1});
        sample(x, plan, correlated{}, gaussian_noise{2});
        double mean = 0;
        for (std::size_t e = 0; e < n; e += 2) mean += x[e] / static_cast<double>(n / 2);
        return mean;
    };
    CHECK(mean_of_unknown(projected(multistep(ddpm{}, grid), keep_known(known, mask))) > 0.7);
    CHECK(std::abs(mean_of_unknown(multistep(ddpm{}, grid))) < 0.2);
}

TEST_CASE("one noise for all nodes moves what is known along a straight line") {
    const vector known{2}, mask{1};
    const projected plan(multistep(ddim{}, grid), keep_known(known, mask, true));
    vector x(1);
    double z = std::numeric_limits<double>::quiet_NaN();
    for (const auto& [i, n, t, state, x0] : steps(x, plan, toy, gaussian_noise{3})) {
        if (t.sigma == 0) {
            CHECK(state[0] == 2);
            break;
        }
        const double found = (state[0] - t.alpha * 2) / t.sigma;
        if (i > 0) CHECK(found == Approx(z).epsilon(1e-9));
        z = found;
        static_cast<void>(n), static_cast<void>(x0);
    }
}

TEST_CASE("a mask between 0 and 1 blends, and the projection draws no noise twice") {
    const node at = node_at(flow_schedule{}, 0.25);
    const keep_known keep(vector{4, 4, 4}, vector{0, 0.5, 1});
    vector x{8, 8, 8}, z(3);
    keep(
        x, at, 0,
        [](vector& out, const noise_address&) {
            out = {1, 1, 1};
        },
        z);
    const double noised = 0.75 * 4 + 0.25;
    CHECK(x == vector{8, 0.5 * noised + 4, noised});

    std::vector<noise_address> seen;
    vector y{1, 2, 3};
    sample(y, projected(multistep(ddpm{}, grid), keep), toy,
           [&](vector& out, const noise_address& where) {
               for (const noise_address& other : seen) CHECK(!(other == where));
               seen.push_back(where);
               gaussian_noise{1}(out, where);
           });
    CHECK(seen.size() == 19 + 20);
}

TEST_CASE(
    "a mask of the wrong size or outside of [0, 1] is refused, and a state of the wrong size") {
    CHECK_THROWS_AS(keep_known(vector{1, 2}, vector{1}), std::invalid_argument);
    CHECK_THROWS_AS(keep_known(vector{1}, vector{1.5}), std::invalid_argument);
    CHECK_THROWS_AS(keep_known(vector{1}, vector{-0.5}), std::invalid_argument);
    CHECK_THROWS_AS(keep_known(vector{1}, vector{NAN}), std::invalid_argument);
    const projected plan(multistep(ddim{}, grid), keep_known(vector{1}, vector{1}));
    CHECK_THROWS_AS(plan.init(vector(2)), std::invalid_argument);
}

TEST_CASE("a projection may look at x only, and the state may be a view's owner or an array") {
    std::array<float, 2> x{1, 1};
    const auto clip = [](std::array<float, 2>& state, const node&, std::size_t, auto&) {
        for (float& e : state) e = e > 0.5F ? 0.5F : e;
    };
    sample(x, projected(multistep(ddim{}, grid), clip), toy);
    CHECK(x[0] == 0.5F);
}
