#include <diffusion/objective/straightness.hpp>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include <doctest/doctest.h>
#include <support/gaussian_toy.hpp>
#include <support/refusal.hpp>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

TEST_CASE("a straight path at constant speed has straightness 0, whatever its steps") {
    straightness S(vector{0, 1}, 1, 1.0);
    CHECK(S.value() == 0);
    for (const double t : {0.9, 0.4, 0.35, 0.0}) S.add(vector{3 * (1 - t), 1 - 2 * (1 - t)}, t);
    CHECK(std::abs(S.value()) < 1e-14);
}

TEST_CASE("the straightness of half a circle is pi^2 - 4, at any length of time") {
    // |dZ/dt| = pi, |Z_1 - Z_0| = 2
    const double pi = std::numbers::pi;
    straightness S(vector{1, 0}, 1, 5.0);
    for (int i = 1; i <= 1000; ++i)
        S.add(vector{std::cos(pi * i / 1000), std::sin(pi * i / 1000)}, 5 + 0.003 * i);
    CHECK(S.value() == Approx(pi * pi - 4).epsilon(1e-5));
}

TEST_CASE("a straight path at changing speed is not straight: one step would not be exact") {
    // Z_t = t^2: int (1 - 2t)^2 dt = 1/3; of two items, one of which stays, the mean is half
    straightness S(vector{0, 7}, 2, 0.0);
    for (int i = 1; i <= 1000; ++i) S.add(vector{1e-6 * i * i, 7}, 1e-3 * i);
    CHECK(S.value() == Approx(1.0 / 6).epsilon(1e-5));
}

TEST_CASE("a flow between Gaussians is as straight as its formula says") {
    // x_t = m_t + s_t z, with s_t^2 = ((1 - t)/2)^2 + t^2 and m_t = 0.7 (1 - t), is straight but
    // for its deviation: S = int (s'_t)^2 dt - (s_1 - s_0)^2 for z^2 = 1
    const support::gaussian_toy toy{0.7, 0.5};
    vector x{1, -1};  // both have z^2 = 1 at t = 1
    const multistep sampler(ddim{}, uniform_time(flow_schedule{}, 2000));
    straightness S(x, 2, sampler.grid().front().t);
    sample(x, sampler, toy, no_noise{}, S);
    double expected = -0.25;
    for (int i = 0; i < 2000; ++i) {
        const double t = (i + 0.5) / 2000;
        const double s = toy.std_at(flow_schedule{}(t)), slope = (t - 0.25 * (1 - t)) / s;
        expected += slope * slope / 2000;
    }
    CHECK(expected > 0.05);
    CHECK(S.value() == Approx(expected).epsilon(0.01));
}

TEST_CASE("a path that stands still in time, or changes its size, is refused") {
    straightness S(vector{0, 1}, 1, 1.0);
    CHECK(support::is_complete(support::refusal([&] { S.add(vector{0, 1}, 1.0); }), 1.0));
    CHECK(support::is_complete(support::refusal([&] { S.add(vector{0}, 0.5); }), 1));
    CHECK(support::is_complete(support::refusal([] { straightness(vector{0, 1}, 3, 1.0); }), 3));
}
