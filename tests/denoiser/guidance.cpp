#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/guidance.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

struct counting {  // answers x + offset and counts how often it is asked
    double offset;
    int* calls;
    vector operator()(const vector& x, double) const {
        ++*calls;
        vector out = x;
        for (double& e : out) e += offset;
        return out;
    }
};

}  // namespace

TEST_CASE("guidance goes from the unconditional estimate through the conditional one and beyond") {
    const auto conditional = [](const vector&, const node&, vector& x0) { x0 = {2, 3}; };
    const auto unconditional = [](const vector&, const node&, vector& x0) { x0 = {1, 1}; };
    const node t = node_at(flow_schedule{}, 0.5);
    vector x0(2);
    for (const double w : {-1.0, 0.0, 0.5, 1.0, 2.0, 7.5}) {
        CAPTURE(w);
        guided(conditional, unconditional, w, vector(2))(vector(2), t, x0);
        CHECK(x0[0] == Approx(1 + w));
        CHECK(x0[1] == Approx(1 + 2 * w));
    }
}

TEST_CASE("guidance on x0 is guidance on eps") {
    const auto conditional = [](const vector& x, double) { return vector{std::sin(x[0])}; };
    const auto unconditional = [](const vector& x, double) { return vector{0.5 * x[0]}; };
    const double w = 4;
    predicts_noise of_noise([&](const vector& x, double at) {
        return vector{w * conditional(x, at)[0] + (1 - w) * unconditional(x, at)[0]};
    });
    for (const double at : {0.01, 0.3, 0.5, 0.7, 0.99}) {
        const node t = node_at(flow_schedule{}, at);
        const vector x{0.8};
        vector on_x0(1), on_eps(1), eps(1), eps_too(1);
        guided(predicts_noise(conditional), predicts_noise(unconditional), w, vector(1))(x, t,
                                                                                         on_x0);
        of_noise(x, t, on_eps);
        CHECK(on_x0[0] == Approx(on_eps[0]).epsilon(1e-13));

        guided(predicts_noise(conditional), predicts_noise(unconditional), w, vector(1))
            .with_noise(x, t, on_x0, eps);
        of_noise.with_noise(x, t, on_eps, eps_too);
        CHECK(on_x0[0] == Approx(on_eps[0]).epsilon(1e-13));
        CHECK(eps[0] == Approx(eps_too[0]).epsilon(1e-13));
    }
}

TEST_CASE("with w = 0 and w = 1 one network is asked, otherwise both") {
    int asked_c = 0, asked_u = 0;
    const auto run = [&](double w) {
        asked_c = asked_u = 0;
        vector x0(1), eps(1);
        guided denoise(predicts_noise(counting{1, &asked_c}), predicts_noise(counting{2, &asked_u}),
                       w, vector(1));
        denoise(vector{0}, node_at(flow_schedule{}, 0.3), x0);
        denoise.with_noise(vector{0}, node_at(flow_schedule{}, 0.3), x0, eps);
        denoise.with_noise(vector{0}, node_at(flow_schedule{}, 0.8), x0, eps);
    };
    run(0);
    CHECK(asked_c == 0);
    CHECK(asked_u == 3);
    run(1);
    CHECK(asked_c == 3);
    CHECK(asked_u == 0);
    run(3);
    CHECK(asked_c == 3);
    CHECK(asked_u == 3);
}

TEST_CASE("a guided denoiser gives the noise at clean data, where an inversion starts") {
    int calls = 0;
    guided denoise(predicts_noise(counting{1, &calls}), predicts_noise(counting{2, &calls}), 3,
                   vector(1));
    vector x0(1), eps(1);
    denoise.with_noise(vector{5}, node{0, 1, 0, std::numeric_limits<double>::infinity()}, x0, eps);
    CHECK(x0 == vector{5});
    CHECK(eps == vector{3 * 6 - 2 * 7});
}

TEST_CASE("the variance of a guided denoiser is that of the conditional network") {
    const auto conditional = [](const vector& x, double, vector& out, vector& v) {
        out = {2 * x[0]};
        v = {0.25};
    };
    const auto unconditional = [](const vector& x, double) { return x; };
    const node t = node_at(flow_schedule{}, 0.3);
    const two_outputs net{conditional, vector(1)};
    for (const double w : {0.0, 1.0, 3.0}) {
        vector x0(1), same(1), v(1);
        guided denoise{predicts_data{net}, predicts_data{unconditional}, w, vector(1)};
        denoise.with_variance(vector{1}, t, x0, v);
        denoise(vector{1}, t, same);
        CHECK(x0 == same);
        CHECK(v == vector{0.25});
    }
    using plain = guided<predicts_data<decltype(unconditional)>,
                         predicts_data<decltype(unconditional)>, vector>;
    static_assert(!variance_denoiser<plain, vector>);
}

TEST_CASE("guidance refuses what either network refuses") {
    const auto net = [](const vector& x, double) { return x; };
    const node pure{1, 0, 1, -std::numeric_limits<double>::infinity()};
    CHECK_THROWS_AS(guided(predicts_noise(net), predicts_velocity(net), 2, vector(1)).check(pure),
                    std::invalid_argument);
    CHECK_THROWS_AS(guided(predicts_velocity(net), predicts_noise(net), 2, vector(1)).check(pure),
                    std::invalid_argument);
    CHECK_NOTHROW(guided(predicts_velocity(net), predicts_data(net), 2, vector(1)).check(pure));
}

TEST_CASE("guidance is a denoiser only on tensors that both its parts denoise") {
    const auto doubles = [](const vector&, const node&, vector&) {};
    const auto floats = [](const std::vector<float>&, const node&, std::vector<float>&) {};
    using both = guided<decltype(doubles), decltype(doubles), vector>;
    using mixed = guided<decltype(doubles), decltype(floats), vector>;
    static_assert(denoiser<both, vector>);
    static_assert(!denoiser<both, std::vector<float>>);
    static_assert(!denoiser<mixed, vector>);
    static_cast<void>(doubles), static_cast<void>(floats);
}
