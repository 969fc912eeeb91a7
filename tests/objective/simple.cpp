#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <span>
#include <stdexcept>
#include <vector>

#include <support/refusal.hpp>

#include <diffusion/objective/simple.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

TEST_CASE("a training example is x_t, what the network should say, its time and its weight") {
    const simple_objective objective(discrete_schedule<>{}, target::noise, min_snr_weighting{});
    vector x_0(12);
    for (std::size_t e = 0; e < 12; ++e) x_0[e] = std::sin(static_cast<double>(e));
    auto batch = objective.init(x_0, 4);
    objective.draw(x_0, batch, 17);
    for (std::size_t i = 0; i < 4; ++i) {
        const noise_level t = objective.schedule(batch.times[i]);
        CHECK(batch.levels[i] == t);
        CHECK(batch.weights[i] == loss_weight(min_snr_weighting{}, target::noise, t));
        for (std::size_t e = 3 * i; e < 3 * i + 3; ++e)
            CHECK(batch.x_t[e] == Approx(t.alpha * x_0[e] + t.sigma * batch.target[e]));
    }
}

TEST_CASE("the examples of all targets share data, time and noise") {
    const vector x_0{1, 2, 3, 4};
    const auto draw = [&](target kind) {
        const simple_objective objective(discrete_schedule<>{}, kind);
        auto batch = objective.init(x_0, 2);
        objective.draw(x_0, batch, 5);
        return batch;
    };
    const auto noise = draw(target::noise), data = draw(target::data),
               velocity = draw(target::velocity), flow = draw(target::flow);
    CHECK(data.target == x_0);
    CHECK(data.x_t == noise.x_t);
    CHECK(velocity.x_t == noise.x_t);
    for (std::size_t e = 0; e < 4; ++e) {
        const noise_level& t = noise.levels[e / 2];
        CHECK(velocity.target[e] == Approx(t.alpha * noise.target[e] - t.sigma * x_0[e]));
        CHECK(flow.target[e] == Approx(noise.target[e] - x_0[e]));
    }
}

TEST_CASE("training draws are a pure function of seed and iteration") {
    const vector x_0(8, 1.0);
    const simple_objective one(discrete_schedule<>{}),
        other(discrete_schedule<>{}, target::noise, {}, time_sampling::stratified, 1);
    auto first = one.init(x_0, 2), second = one.init(x_0, 2), third = other.init(x_0, 2);
    one.draw(x_0, first, 3);
    one.draw(x_0, second, 4);
    CHECK(first.x_t != second.x_t);
    one.draw(x_0, second, 3);
    CHECK(first.x_t == second.x_t);
    CHECK(first.times == second.times);
    other.draw(x_0, third, 3);
    CHECK(first.x_t != third.x_t);
}

TEST_CASE("the loss is the weighted mean square, and its gradient is its derivative") {
    const vector target{0, 1, -1, 2}, weights{1, 0.25};
    vector prediction{0.5, 1, 0, 4}, gradient(4);
    const auto loss = [&] {
        return squared_error(prediction, target, std::span<const double>(weights), gradient);
    };
    // items (0.25 + 0)/2 and (1 + 4)/2
    CHECK(loss() == Approx((1 * 0.125 + 0.25 * 2.5) / 2).epsilon(1e-15));
    for (std::size_t e = 0; e < 4; ++e) {
        const double h = 1e-4, p = prediction[e];
        loss();
        const double analytic = gradient[e];
        prediction[e] = p + h;
        const double above = loss();
        prediction[e] = p - h;
        const double below = loss();
        prediction[e] = p;
        CHECK(analytic == Approx((above - below) / (2 * h)).epsilon(1e-8));
    }
}

TEST_CASE("the gradient may replace the prediction, and sizes that differ are refused") {
    const vector target{0, 1}, weights{1};
    vector x{2, 2};
    CHECK(squared_error(x, target, std::span<const double>(weights), x) == Approx(2.5));
    CHECK(x == vector{2, 1});
    vector short_one(1);
    CHECK_THROWS_AS(squared_error(x, short_one, std::span<const double>(weights), x),
                    std::invalid_argument);
    CHECK_THROWS_AS(squared_error(x, target, std::span<const double>(weights), short_one),
                    std::invalid_argument);
    CHECK_THROWS_AS(simple_objective(discrete_schedule<>{}).init(x, 3), std::invalid_argument);
}

TEST_CASE("data may be a window on memory that somebody else owns") {
    vector memory{1, 2, 3, 4};
    const std::span<double> x_0(memory);
    const simple_objective objective(discrete_schedule<>{});
    auto from_window = objective.init(x_0, 2);
    auto from_vector = objective.init(memory, 2);
    objective.draw(x_0, from_window, 3);
    objective.draw(memory, from_vector, 3);
    CHECK(from_window.x_t == from_vector.x_t);
    CHECK(from_window.target == from_vector.target);
}

TEST_CASE("denoising score matching weighted by sigma^2 is L_simple, batch by batch") {
    // Vincent 2011, eq. 9; Song and Ermon 2019, eqs. 5-6: the score of q(x_t | x_0) is -eps/sigma
    vector x_0(12), eps_hat(12), score_hat(12), gradient(12);
    for (std::size_t e = 0; e < 12; ++e) {
        x_0[e] = std::sin(static_cast<double>(e));
        eps_hat[e] = std::cos(static_cast<double>(e));
    }
    const auto loss = [&](target kind, const auto& prediction_at) {
        const simple_objective objective(discrete_schedule<>{}, kind, snr_weighting{});
        auto batch = objective.init(x_0, 4);
        objective.draw(x_0, batch, 9);
        vector prediction(12);
        for (std::size_t e = 0; e < 12; ++e)
            prediction[e] = prediction_at(eps_hat[e], batch.levels[e / 3].sigma);
        return squared_error(prediction, batch.target, std::span<const double>(batch.weights),
                             gradient);
    };
    const double simple = loss(target::noise, [](double eps, double) { return eps; });
    const double matched = loss(target::score, [](double eps, double s) { return -eps / s; });
    CHECK(simple > 0.1);
    CHECK(matched == Approx(simple).epsilon(1e-12));
}

TEST_CASE("what denoising score matching finds is the score of the noised data, not of one point") {
    // data N(0, 4) at alpha = 1, sigma = 1: among a x the best is a = -1/(4 + 1) (Vincent 2011)
    const std::size_t n = 20000;
    vector x_0(n);
    fill_normal<double>(x_0, 1, {noise_stream::user});
    for (double& x : x_0) x *= 2;
    const simple_objective objective(edm_schedule{0.999999, 1.000001}, target::score);
    auto batch = objective.init(x_0, n);
    objective.draw(x_0, batch, 0);
    double product = 0, square = 0;
    for (std::size_t i = 0; i < n; ++i) {
        product += batch.x_t[i] * batch.target[i];
        square += batch.x_t[i] * batch.x_t[i];
    }
    CHECK(product / square == Approx(-0.2).epsilon(0.05));  // 5 standard deviations
}

TEST_CASE("times may come from any distribution, and the noise may be given") {
    const vector x_0{1, 2, 3, 4}, eps{0.5, -1, 0, 2};
    const auto early = [](double u) { return 0.1 * u; };
    const simple_objective objective(flow_schedule{}, target::flow, unweighted{},
                                     time_sampling::stratified, 0, early);
    auto batch = objective.init(x_0, 2);
    objective.draw(x_0, eps, batch, 3);
    for (std::size_t i = 0; i < 2; ++i) {
        const double t = batch.times[i];
        CHECK(t > 0.05 * static_cast<double>(i));
        CHECK(t < 0.05 * static_cast<double>(i + 1));
        for (std::size_t e = 2 * i; e < 2 * i + 2; ++e) {
            CHECK(batch.target[e] == eps[e] - x_0[e]);
            CHECK(batch.x_t[e] == Approx((1 - t) * x_0[e] + t * eps[e]));
        }
    }
    auto other = batch;
    objective.draw(x_0, other, 3);
    CHECK(other.times == batch.times);
    CHECK(other.target != batch.target);
    const vector three(3);
    CHECK(support::is_complete(support::refusal([&] { objective.draw(x_0, three, batch, 3); }), 3));
}
