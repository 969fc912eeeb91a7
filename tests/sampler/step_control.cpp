#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include <diffusion/sampler/step_control.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("the power controller accepts errors up to 1 and scales the length that was tried") {
    const power_control control{0.9};
    step_control state{5};
    CHECK(control(1, 2, 0.1, state));
    CHECK(state.h == Approx(0.09));
    CHECK_FALSE(control(4, 2, 0.1, state));
    CHECK(state.h == Approx(0.045));
    CHECK(control(1e-3, 3, 0.1, state));
    CHECK(state.h == Approx(0.9));
}

TEST_CASE("with I alone the PID controller follows the error of the attempt, softly") {
    const pid_control control;
    step_control state{0.1};
    CHECK(control(1, 3, 0.1, state));  // 1/error = 1: nothing to change
    CHECK(state.h == Approx(0.1));
    CHECK_FALSE(control(8, 3, 0.1, state));  // 8^(-1/3) = 1/2
    CHECK(state.h == Approx(0.1 * (1 - std::atan(0.5))));
    state.h = 0.1;
    CHECK(control(0, 3, 0.1, state));  // never more than a factor of 1 + pi/2
    CHECK(state.h < 0.1 * (1 + std::acos(-1) / 2));
    CHECK(state.h > 0.25);
}

TEST_CASE("P and D look at accepted steps, which a rejected one does not join") {
    const pid_control control{.p = 0.3, .i = 0.4, .d = 0.1};
    const auto factor = [](double now, double before, double earlier) {
        return 1 + std::atan(std::pow(now, 0.8 / 2) * std::pow(before, -0.5 / 2) *
                                 std::pow(earlier, 0.1 / 2) -
                             1);
    };
    const auto inverse = [](double error) { return 1 / (error + 1e-8); };
    step_control state{1};
    control(0.5, 2, 1, state);
    CHECK(state.h == Approx(factor(inverse(0.5), inverse(0.5), inverse(0.5))));
    state.h = 1;
    CHECK_FALSE(control(100, 2, 1, state));
    CHECK(state.h == Approx(factor(inverse(100), inverse(0.5), inverse(0.5))));
    state.h = 1;
    CHECK(control(0.25, 2, 1, state));
    CHECK(state.h == Approx(factor(inverse(0.25), inverse(0.5), inverse(0.5))));
    state.h = 1;
    CHECK(control(0.4, 2, 1, state));
    CHECK(state.h == Approx(factor(inverse(0.4), inverse(0.25), inverse(0.5))));
}

TEST_CASE("controls with numbers that control nothing are refused") {
    CHECK_NOTHROW(pid_control{}.check());
    CHECK_NOTHROW(power_control{}.check());
    CHECK_THROWS_AS(pid_control{.p = NAN}.check(), std::invalid_argument);
    CHECK_THROWS_AS(pid_control{.safety = 0}.check(), std::invalid_argument);
    CHECK_THROWS_AS(power_control{-1}.check(), std::invalid_argument);
    CHECK_THROWS_AS(power_control{NAN}.check(), std::invalid_argument);
}
