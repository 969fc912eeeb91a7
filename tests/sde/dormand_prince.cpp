#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <diffusion/sde/dormand_prince.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

#define SUPPORT_COUNTING_NEW_IMPLEMENTATION
#include "support/counting_new.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using vector = std::vector<double>;

namespace {

dormand_prince within(double tolerance) {
    return dormand_prince({.rtol = tolerance, .atol = tolerance});
}

/// y1' = y2, y2' = -y1: (sin t, cos t).
const auto pendulum = [](double, const auto& y, auto& dy) {
    dy[0] = y[1];
    dy[1] = -y[0];
};

/// y' = -2 t y: y = exp(-t^2).
const auto bell = [](double t, const vector& y, vector& dy) { dy[0] = -2 * t * y[0]; };

template <class F>
std::string failure(F&& f) {
    try {
        f();
    } catch (const std::runtime_error& failed) {
        return failed.what();
    }
    return "no exception";
}

}  // namespace

TEST_CASE(
    "the error follows the tolerance down to rounding, and the calls grow by its fifth root") {
    double before = 1;
    std::size_t calls = 0;
    for (const double tolerance : {1e-3, 1e-6, 1e-9, 1e-12}) {
        vector y{0, 1};
        const dormand_prince solver = within(tolerance);
        auto memory = solver.init(y);
        const ode_counts spent = solver.integrate(pendulum, 0, 10, y, memory);
        const double error = std::hypot(y[0] - std::sin(10.0), y[1] - std::cos(10.0));
        CHECK(error < 20 * tolerance);
        CHECK(error < before / 100);
        if (calls > 0) {  // 10^{3/5} = 4.0
            CHECK(spent.calls > 2 * calls);
            CHECK(spent.calls < 5 * calls);
        }
        before = error;
        calls = spent.calls;
    }
}

TEST_CASE("a step has order 5 and its interpolant order 4: local errors fall as h^6 and h^5") {
    // With loose tolerances the first attempt of any length is kept, so h is ours to choose.
    const auto local_errors = [](double h) {
        vector y{std::exp(-1.0)}, inside{0};
        const dormand_prince solver = within(1e3);
        auto memory = solver.init(y);
        solver.begin(bell, 1, 3, y, memory);
        memory.h = h;
        solver.step(bell, y, memory);
        const double s = 1 + h, m = 1 + 0.7 * h;
        CHECK(memory.t == s);
        solver.value_at(m, memory, inside);
        return std::array{std::abs(y[0] - std::exp(-s * s)),
                          std::abs(inside[0] - std::exp(-m * m))};
    };
    const auto coarse = local_errors(0.05), fine = local_errors(0.025);
    CHECK(std::log2(coarse[0] / fine[0]) == doctest::Approx(6).epsilon(0.05));
    CHECK(std::log2(coarse[1] / fine[1]) == doctest::Approx(5).epsilon(0.05));
}

TEST_CASE("f is called twice to set out and six times an attempt, and every call is counted") {
    std::size_t calls = 0;
    const auto counted = [&](double t, const vector& y, vector& dy) {
        ++calls;
        dy[0] = (t < 1 ? -1 : -200) * y[0];  // a corner that an attempt stumbles over
    };
    vector y{1};
    const dormand_prince solver = within(1e-6);
    auto memory = solver.init(y);
    const ode_counts spent = solver.integrate(counted, 0, 1.5, y, memory);
    CHECK(spent.calls == calls);
    CHECK(spent.rejected > 0);
    CHECK(spent.calls == 2 + 6 * (spent.accepted + spent.rejected));
}

TEST_CASE("forward and back is where it began") {
    vector y{1};
    const dormand_prince solver = within(1e-10);
    auto memory = solver.init(y);
    solver.integrate(bell, 0, 2, y, memory);
    CHECK(y[0] == doctest::Approx(std::exp(-4.0)).epsilon(1e-8));
    solver.integrate(bell, 2, 0, y, memory);
    CHECK(y[0] == doctest::Approx(1).epsilon(1e-8));
    const ode_counts none = solver.integrate(bell, 2, 2, y, memory);
    CHECK(none == ode_counts{});
}

TEST_CASE("own loop and integrate agree bit for bit, and every step can be looked into") {
    const dormand_prince solver = within(1e-8);
    vector whole{0, 1}, own{0, 1}, inside{0, 0};
    auto memory = solver.init(whole);
    solver.integrate(pendulum, 0, -3, whole, memory);
    std::size_t steps = 0;
    for (solver.begin(pendulum, 0, -3, own, memory); memory.t != -3; ++steps) {
        solver.step(pendulum, own, memory);
        for (const double u : {0.0, 0.3, 1.0}) {
            const double t = memory.t_start + u * (memory.t - memory.t_start);
            solver.value_at(t, memory, inside);
            CHECK(inside[0] == doctest::Approx(std::sin(t)).epsilon(1e-7));
        }
        solver.value_at(memory.t, memory, inside);
        CHECK(inside[1] == doctest::Approx(own[1]).epsilon(1e-14));
    }
    CHECK(own == whole);
    CHECK(steps == memory.spent.accepted);
}

TEST_CASE("floats, arrays and views are states, and nothing allocates after init") {
    const dormand_prince solver = within(1e-5);
    std::array<float, 2> y{0, 1};
    auto memory = solver.init(y);
    solver.integrate(pendulum, 0, 1, y, memory);
    CHECK(y[0] == doctest::Approx(std::sin(1.0)).epsilon(1e-4));

    vector owner{0, 1};
    std::span<double> view = owner;
    auto memory_of_view = solver.init(view);
    const std::size_t before = support::allocations();
    solver.integrate(pendulum, 0, 1, view, memory_of_view);
    CHECK(support::allocations() == before);
    CHECK(owner[0] == doctest::Approx(std::sin(1.0)).epsilon(1e-4));
}

TEST_CASE("an element may have a tolerance of its own") {
    // Two equations in one state: the log-density that rides along may be held more loosely.
    const auto f = [](double t, const vector&, vector& dy) {
        dy[0] = std::cos(t);
        dy[1] = 1e3 * std::cos(7 * t);
    };
    const auto calls = [&](const ode_options& options) {
        const dormand_prince solver(options);
        vector y{0, 0};
        auto memory = solver.init(y);
        return solver.integrate(f, 0, 3, y, memory).calls;
    };
    const std::size_t one = calls({.rtol = 1e-8, .atol = 1e-8});
    CHECK(calls({.rtol = 1e-8, .atol = 1, .atol_each = {1e-8, 1e-8}}) == one);
    CHECK(calls({.rtol = 1e-8, .atol = 1e-8, .atol_each = {1e-8, 1e3}}) < one / 2);
}

TEST_CASE("what is asked for in vain is named: NaN, a pole, too many steps") {
    vector y{1};
    const dormand_prince solver = within(1e-6);
    auto memory = solver.init(y);
    const auto not_a_number = [](double, const vector&, vector& dy) { dy[0] = std::nan(""); };
    CHECK(failure([&] { solver.integrate(not_a_number, 0, 1, y, memory); }) ==
          "diffusion::dormand_prince: y or f(t, y) is not finite at t = 0");
    const auto later = [](double t, const vector&, vector& dy) {
        dy[0] = t < 0.5 ? 1 : std::numeric_limits<double>::infinity();
    };
    CHECK(failure([&] {
              solver.integrate(later, 0, 1, y, memory);
          }).starts_with("diffusion::dormand_prince: y or f(t, y) is not finite at t = 0.4999"));
    CHECK(std::isfinite(y[0]));

    const auto blows_up = [](double, const vector& v, vector& dy) { dy[0] = v[0] * v[0]; };
    y = {1};  // 1/(1 - t)
    CHECK(failure([&] { solver.integrate(blows_up, 0, 2, y, memory); })
              .starts_with("diffusion::dormand_prince: the tolerances ask for too short a step at "
                           "t = 1"));
    const dormand_prince hasty({.rtol = 1e-10, .atol = 1e-10, .most_attempts = 5});
    vector z{0, 1};
    auto short_lived = hasty.init(z);
    CHECK(failure([&] {
              hasty.integrate(pendulum, 0, 100, z, short_lived);
          }).starts_with("diffusion::dormand_prince: the tolerances ask for too many steps"));
}

TEST_CASE("tolerances are positive, as many as elements, and times are finite") {
    for (const double bad : {0.0, -1e-5, std::nan(""), std::numeric_limits<double>::infinity()}) {
        CHECK(support::is_complete(support::refusal([&] { dormand_prince({.rtol = bad}); }), bad));
        CHECK(support::is_complete(support::refusal([&] { dormand_prince({.atol = bad}); }), bad));
        CHECK(support::is_complete(support::refusal([&] {
                                       dormand_prince({.atol_each = {1e-5, bad}});
                                   }),
                                   bad));
    }
    const vector y{1};
    CHECK(support::is_complete(support::refusal([&] {
                                   dormand_prince({.atol_each = {1e-5, 1e-5}}).init(y);
                               }),
                               2));
    vector x{1};
    const dormand_prince solver;
    auto memory = solver.init(x);
    CHECK(support::is_complete(
        support::refusal([&] { solver.integrate(bell, 0, std::nan(""), x, memory); }),
        std::nan("")));
    solver.integrate(bell, 0, 1, x, memory);
    CHECK(support::is_complete(support::refusal([&] { solver.value_at(1.5, memory, x); }), 1.5));
}
