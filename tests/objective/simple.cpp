#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/objective/simple.hpp>
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
