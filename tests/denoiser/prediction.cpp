#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

constexpr double x0_true = 0.3, eps_true = -1.7;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A perfect network for one pair of x_0 and eps, that answers u x_0 + v eps.
auto answers(double u, double v) {
    return [=](const vector& x, double) { return vector(x.size(), u * x0_true + v * eps_true); };
}

template <class D>
void check_recovers(D denoise, const node& t) {
    const vector x(3, t.alpha * x0_true + t.sigma * eps_true);
    vector x0(3, 1e300), eps(3, 1e300);
    denoise(x, t, x0);
    CHECK(x0[2] == Approx(x0_true).epsilon(1e-12));
    denoise.with_noise(x, t, x0, eps);
    CHECK(x0[2] == Approx(x0_true).epsilon(1e-12));
    CHECK(eps[2] == Approx(eps_true).epsilon(1e-12));
}

std::vector<node> levels() {
    std::vector<node> all{node_at(edm_schedule{}, 0.5), node_at(edm_schedule{}, 80)};
    for (const double t : {0.05, 0.5, 0.9}) {
        all.push_back(node_at(vp_linear{}, t));
        all.push_back(node_at(vp_cosine{}, t));
        all.push_back(node_at(ve_geometric{}, t));
        all.push_back(node_at(flow_schedule{}, t));
    }
    return all;
}

struct own_network {  // a class with state of its own; counts, so it cannot be const
    int calls = 0;
    void operator()(const vector& x, float t, vector& out) {
        ++calls;
        for (std::size_t e = 0; e < x.size(); ++e) out[e] = x[e] * static_cast<double>(t);
    }
};

vector free_function(const vector& x, double t) { return vector(x.size(), t); }

}  // namespace

TEST_CASE("noise, data, velocity, score and flow are five ways to say the same x0 and eps") {
    for (const node& t : levels()) {
        CAPTURE(t.alpha);
        CAPTURE(t.sigma);
        check_recovers(predicts_noise(answers(0, 1)), t);
        check_recovers(predicts_data(answers(1, 0)), t);
        check_recovers(predicts_velocity(answers(-t.sigma, t.alpha)), t);
        check_recovers(predicts_score(answers(0, -1 / t.sigma)), t);
        check_recovers(predicts_flow(answers(-1, 1)), t);
    }
}

TEST_CASE("velocity, flow and data are well defined where there is no signal") {
    const node t{999, 0, 1, -infinity};
    check_recovers(predicts_data(answers(1, 0)), t);
    check_recovers(predicts_velocity(answers(-1, 0)), t);
    check_recovers(predicts_flow(answers(-1, 1)), t);
}

TEST_CASE("noise, velocity, score and flow are well defined where there is no noise") {
    const node t{0, 1, 0, infinity};
    check_recovers(predicts_noise(answers(0, 1)), t);
    check_recovers(predicts_velocity(answers(0, 1)), t);
    check_recovers(predicts_flow(answers(-1, 1)), t);
}

TEST_CASE("a network is a lambda, a function, or an object of one's own class") {
    const node t = node_at(flow_schedule{}, 0.5);
    const vector x{1, 2};
    vector x0(2);

    predicts_data returning([](const vector& in, double at) {
        vector out = in;
        for (double& e : out) e *= at;
        return out;
    });
    returning(x, t, x0);
    CHECK(x0 == vector{0.5, 1});

    predicts_data writing([](const vector& in, double at, vector& out) {
        for (std::size_t e = 0; e < in.size(); ++e) out[e] = in[e] + at;
    });
    writing(x, t, x0);
    CHECK(x0 == vector{1.5, 2.5});

    predicts_data function(free_function);
    function(x, t, x0);
    CHECK(x0 == vector{0.5, 0.5});

    predicts_data own(own_network{});
    own(x, t, x0);
    own(x, t, x0);
    CHECK(x0 == vector{0.5, 1});
    CHECK(own.model.calls == 2);
}

TEST_CASE("a network may take its time as a float or as an index") {
    const vector x{1};
    vector x0(1);
    const discrete_schedule<> schedule;
    predicts_data of_float([](const vector&, float t) { return vector{static_cast<double>(t)}; });
    of_float(x, node_at(schedule, 12), x0);
    CHECK(x0[0] == 12);
    predicts_data of_index([](const vector&, int t) { return vector{static_cast<double>(t)}; });
    of_index(x, node_at(schedule, 12), x0);
    CHECK(x0[0] == 12);
}

TEST_CASE("the model concept tells networks from other callables") {
    const auto writes = [](const vector&, double, vector&) {};
    const auto returns_text = [](const vector&, double) { return "text"; };
    const auto no_time = [](const vector& x) { return x; };
    const auto writes_to_x = [](vector&, double) { return vector(); };
    static_assert(model<decltype(writes), vector>);
    static_assert(model<decltype(&free_function), vector>);
    static_assert(model<own_network, vector>);
    static_assert(!model<const own_network, vector>);
    static_assert(!model<decltype(returns_text), vector>);
    static_assert(!model<decltype(no_time), vector>);
    static_assert(!model<decltype(writes_to_x), vector>);
    static_assert(!model<decltype(writes), std::vector<float>>);
    static_cast<void>(writes), static_cast<void>(returns_text);
    static_cast<void>(no_time), static_cast<void>(writes_to_x);
}

TEST_CASE("a network whose output has another size than its input is refused") {
    predicts_noise wrong([](const vector&, double) { return vector(7); });
    vector x0(3);
    CHECK_THROWS_WITH_AS(wrong(vector(3), node_at(flow_schedule{}, 0.5), x0),
                         "diffusion::model: the network's output must have as many elements as its "
                         "input, got 7",
                         std::invalid_argument);
}

TEST_CASE("where alpha = 0 noise and score say nothing about the data") {
    const node pure{999, 0, 1, -infinity}, other{998, 0.1, 0.99, -2.3};
    CHECK_THROWS_WITH_AS(
        predicts_noise(answers(0, 1)).check(pure),
        "diffusion::predicts_noise: noise says nothing about the data where alpha = 0 (zero "
        "terminal SNR); use a network that predicts velocity or data, or start later; alpha must "
        "be positive, got 0",
        std::invalid_argument);
    CHECK_THROWS_WITH_AS(predicts_score(answers(0, 1)).check(pure),
                         "diffusion::predicts_score: a score says nothing about the data where "
                         "alpha = 0; alpha must be positive, got 0",
                         std::invalid_argument);
    CHECK_NOTHROW(predicts_noise(answers(0, 1)).check(other));
    CHECK_NOTHROW(predicts_score(answers(0, 1)).check(other));
    CHECK_NOTHROW(detail::check_denoiser(predicts_velocity(answers(0, 1)), pure));
    CHECK_NOTHROW(detail::check_denoiser(predicts_data(answers(0, 1)), pure));
}

TEST_CASE("where sigma = 0 data says nothing about the noise") {
    CHECK_THROWS_WITH_AS(
        predicts_data(answers(1, 0)).check(node{0, 1, 0, infinity}),
        "diffusion::predicts_data: data says nothing about the noise where sigma = 0 (the start of "
        "an inversion); start at a noisier node; sigma must be positive, got 0",
        std::invalid_argument);
}

TEST_CASE("float and double networks agree") {
    const node t = node_at(vp_linear{}, 0.4);
    predicts_velocity single([](const std::vector<float>& x, double) { return x; });
    predicts_velocity twice([](const vector& x, double) { return x; });
    std::vector<float> x0_single(1);
    vector x0_twice(1);
    single(std::vector<float>{1.5F}, t, x0_single);
    twice(vector{1.5}, t, x0_twice);
    CHECK(static_cast<double>(x0_single[0]) == Approx(x0_twice[0]).epsilon(1e-6));
}
