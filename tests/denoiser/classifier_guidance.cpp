#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/classifier_guidance.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// Data from N(1, 0.3^2) and N(-1, 0.3^2), each as often: all that is asked of a noisy x.
struct two_hills {
    static constexpr double s2 = 0.09;

    static double variance(const node& t) { return t.alpha * t.alpha * s2 + t.sigma * t.sigma; }

    /// E[x_0 | x_t] of the hill at `mean`.
    static double hill(double x, const node& t, double mean) {
        return mean + t.alpha * s2 / variance(t) * (x - t.alpha * mean);
    }
    /// p(the upper hill | x_t).
    static double upper(double x, const node& t) {
        return 1 / (1 + std::exp(-2 * t.alpha * x / variance(t)));
    }
    static double both(double x, const node& t) {
        const double p = upper(x, t);
        return p * hill(x, t, 1) + (1 - p) * hill(x, t, -1);
    }
};

const auto unconditional = [](const vector& x, const node& t, vector& x0) {
    for (std::size_t i = 0; i < x.size(); ++i) x0[i] = two_hills::both(x[i], t);
};

/// grad_x log p(the upper hill | x_t).
const auto gradient = [](const vector& x, double at, vector& out) {
    const node t = node_at(flow_schedule{}, at);
    for (std::size_t i = 0; i < x.size(); ++i)
        out[i] = 2 * t.alpha / two_hills::variance(t) * (1 - two_hills::upper(x[i], t));
};

}  // namespace

TEST_CASE("by Bayes' rule an unconditional denoiser and a classifier are a conditional denoiser") {
    const vector x{-1.3, -0.2, 0.1, 0.9};
    vector x0(4), eps(4);
    for (const double at : {0.05, 0.3, 0.5, 0.8, 0.99}) {
        const node t = node_at(flow_schedule{}, at);
        classifier_guided guided(unconditional, gradient, 1, vector(4));
        guided(x, t, x0);
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(x0[i] == Approx(two_hills::hill(x[i], t, 1)).epsilon(1e-12));
        guided.with_noise(x, t, x0, eps);
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(x0[i] == Approx(two_hills::hill(x[i], t, 1)).epsilon(1e-12));
            CHECK(t.alpha * x0[i] + t.sigma * eps[i] == Approx(x[i]).epsilon(1e-12));
        }
    }
}

TEST_CASE("the weight of a classifier's guidance is that of its gradient, and 0 does not ask it") {
    const node t = node_at(flow_schedule{}, 0.4);
    const vector x{0.3};
    vector plain(1), one(1), three(1);
    unconditional(x, t, plain);
    classifier_guided(unconditional, gradient, 1, vector(1))(x, t, one);
    classifier_guided(unconditional, gradient, 3, vector(1))(x, t, three);
    CHECK(three[0] - plain[0] == Approx(3 * (one[0] - plain[0])).epsilon(1e-13));

    const auto never = [](const vector&, double, vector&) { FAIL("the classifier was asked"); };
    vector x0(1), eps(1);
    classifier_guided(unconditional, never, 0, vector(1))(x, t, x0);
    CHECK(x0 == plain);
    const node clean{0, 1, 0, std::numeric_limits<double>::infinity()};
    const auto net = [](const vector& at, double) { return at; };
    classifier_guided(predicts_noise(net), never, 2, vector(1)).with_noise(x, clean, x0, eps);
    CHECK(x0 == x);
}

TEST_CASE("a classifier sees the time that it was trained with, and the variance passes by") {
    const auto net = [](const vector& x, double, vector& out, vector& v) {
        out = x;
        v = {0.25};
    };
    const auto one = [](const vector&, double time, vector& out) { out = {time}; };
    const node t = node_at(flow_schedule{}, 0.5);
    classifier_guided guided(predicts_data(two_outputs(net, vector(1))), one, 2, vector(1),
                             sees_scaled_time{10});
    vector x0(1), v(1);
    guided.with_variance(vector{1}, t, x0, v);
    CHECK(x0[0] == Approx(1 + 2 * 0.5 * 5).epsilon(1e-14));  // sigma^2 / alpha = 1/2, time 5
    CHECK(v == vector{0.25});
    CHECK_THROWS_AS(guided.check(node{1, 0, 1, -1}), std::invalid_argument);
    CHECK_NOTHROW(guided.check(t));
}
