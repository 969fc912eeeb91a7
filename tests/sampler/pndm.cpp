#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ipndm.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/pndm.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

using state = std::array<double, 1>;
const support::gaussian_toy toy{0.7, 0.5};

time_grid equal_times(std::size_t n, double first = 0.8, double last = 0.1) {
    std::vector<double> times(n + 1);
    for (std::size_t i = 0; i <= n; ++i)
        times[i] = first + (last - first) * static_cast<double>(i) / static_cast<double>(n);
    return make_grid(vp_linear{}, times, grid_end::last_time);
}

double order(bool runge_kutta) {
    const auto error = [=](std::size_t n) {
        const time_grid grid = equal_times(n);
        const pndm plan = runge_kutta ? pndm(vp_linear{}, grid) : pndm(grid);
        state x{1.9};
        sample(x, plan, toy);
        return std::abs(x[0] - toy.flow(1.9, grid.front(), grid.back()));
    };
    return std::log2(error(512) / error(1024));
}

/// x0-hat of a network that always says eps = 0.4.
struct constant_noise {
    std::size_t* calls;

    void operator()(const state& x, const node& t, state& x0) const {
        ++*calls;
        x0[0] = (x[0] - t.sigma * 0.4) / t.alpha;
    }
};

}  // namespace

TEST_CASE("PNDM is of order 2 with either start") {
    CHECK(std::abs(order(true) - 2) < 0.3);
    CHECK(std::abs(order(false) - 2) < 0.3);
}

TEST_CASE("PNDM is exact on constant noise, and asks 9 or 1 times more often than it steps") {
    const time_grid grid = uniform_time(vp_linear{}, 10);
    for (const bool runge_kutta : {true, false}) {
        const pndm plan = runge_kutta ? pndm(vp_linear{}, grid) : pndm(grid);
        std::size_t calls = 0;
        const node& t = grid.front();
        state x{t.alpha * 2.5 + t.sigma * 0.4};
        CHECK(sample(x, plan, constant_noise{&calls}) == 10);
        CHECK(x[0] == Approx(2.5).epsilon(1e-10));
        CHECK(calls == (runge_kutta ? 19 : 11));
    }
}

TEST_CASE("after its start PNDM is iPNDM") {
    const time_grid grid = equal_times(12);
    for (const bool runge_kutta : {true, false}) {
        const pndm plan = runge_kutta ? pndm(vp_linear{}, grid) : pndm(grid);
        const multistep rule(ipndm<4>{}, grid);
        const std::size_t starting = runge_kutta ? 3 : 1;
        state x{1.9}, y{1.9};
        auto memory = plan.init(x);
        auto its_memory = rule.init(y);
        for (std::size_t i = 0; i < plan.size(); ++i) {
            rule.predict(i, x, its_memory, toy);
            y = x;
            plan.step(i, x, memory, toy, no_noise{});
            if (i < starting) continue;
            rule.advance(i, y, its_memory, no_noise{});
            CHECK(x[0] == Approx(y[0]).epsilon(1e-14));
        }
    }
}

TEST_CASE("a step of the Runge-Kutta start is the classical one in rho, but for its midpoint") {
    const time_grid grid = equal_times(4);
    const node &t = grid[0], &s = grid[1], r = node_at(vp_linear{}, (t.t + s.t) / 2);
    const auto rho = [](const node& n) { return n.sigma / n.alpha; };
    const auto slope = [](double y, const node& n) { return toy.noise(n.alpha * y, n); };
    const double y = 1.9 / t.alpha, half = rho(r) - rho(t), whole = rho(s) - rho(t);
    const double e_1 = slope(y, t), e_2 = slope(y + half * e_1, r), e_3 = slope(y + half * e_2, r),
                 e_4 = slope(y + whole * e_3, s);
    const pndm plan(vp_linear{}, grid);
    state x{1.9};
    auto memory = plan.init(x);
    plan.step(0, x, memory, toy, no_noise{});
    CHECK(x[0] ==
          Approx(s.alpha * (y + whole * (e_1 + 2 * e_2 + 2 * e_3 + e_4) / 6)).epsilon(1e-13));
}

TEST_CASE("PNDM refuses a start that does not fit and a grid from pure noise") {
    CHECK_THROWS_AS(pndm(vp_linear{}, equal_times(3)), std::invalid_argument);
    CHECK_THROWS_AS(pndm{equal_times(1)}, std::invalid_argument);
    CHECK_THROWS_AS(pndm(equal_times(9), std::vector<node>(2)), std::invalid_argument);
    CHECK_THROWS_AS(pndm{uniform_time(vp_cosine{}, 10)}, std::invalid_argument);
    CHECK(pndm(vp_linear{}, equal_times(4)).size() == 4);
    CHECK(pndm(equal_times(2)).size() == 2);
}

TEST_CASE("PNDM names all the nodes at which it asks, so that a denoiser may refuse one") {
    const time_grid grid = uniform_time(vp_linear{}, 10);
    const pndm runge_kutta(vp_linear{}, grid), plain(grid);
    CHECK(runge_kutta.asked(0).size() == 4);
    CHECK(runge_kutta.asked(0)[1].t == (grid[0].t + grid[1].t) / 2);
    CHECK(runge_kutta.asked(3).size() == 1);
    CHECK(plain.asked(0).size() == 2);
    CHECK(plain.asked(1).size() == 1);
}
