#include "../../examples/support/training.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace {

struct run {
    examples::training_record record;
    std::vector<float> values;
};

// Twenty passes over 200 points on a circle around (2, 0).
run train_on_circle(std::size_t threads, std::size_t steps_before_stop) {
    std::vector<float> points;
    for (int i = 0; i < 200; ++i) {
        points.push_back(float(2 + std::cos(0.1 * i)));  // the centre is learned first
        points.push_back(float(std::sin(0.1 * i)));
    }
    diffusion::nn::mlp<float> net({.in = 2, .hidden = 32, .layers = 2, .out = 2}, 3);
    diffusion::nn::lanes<float> lanes(threads);
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    examples::training_plan plan;
    plan.seconds = std::numeric_limits<double>::infinity();
    plan.epochs = 20;
    plan.batch = 20;
    plan.warmup = 10;
    std::size_t asked = 0;
    run result;
    result.record = examples::train(net, lanes, schedule, {points, {1, 1, 1, 2}, {}}, plan, 0,
                                    [&] { return asked++ == steps_before_stop; });
    const auto values = std::as_const(net).parameters().values();
    result.values.assign(values.begin(), values.end());
    return result;
}

double mean(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / double(values.size());
}

}  // namespace

TEST_CASE("training over epochs is the same to the bit for one thread and for three") {
    const run one = train_on_circle(1, 1000), three = train_on_circle(3, 1000);
    CHECK(one.record.losses.size() == 200);
    CHECK(one.record.images == 4000);
    CHECK(one.record.losses == three.record.losses);
    CHECK(one.values == three.values);
}

TEST_CASE("the loss falls while a network trains") {
    const auto losses = train_on_circle(1, 1000).record.losses;
    const std::span<const double> all(losses);
    CHECK(mean(all.last(20)) < 0.8 * mean(all.first(10)));
}

TEST_CASE("a request to stop ends the training before the next step") {
    CHECK(train_on_circle(1, 7).record.losses.size() == 7);
    CHECK(train_on_circle(1, 0).record.losses.empty());
}

TEST_CASE("a network cannot be trained on nothing") {
    diffusion::nn::mlp<float> net({}, 3);
    diffusion::nn::lanes<float> lanes(1);
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    CHECK_THROWS_AS(
        examples::train(net, lanes, schedule, {{}, {1, 1, 1, 2}, {}}, {}, 0, [] { return false; }),
        std::invalid_argument);
}
