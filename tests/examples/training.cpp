#include "../../examples/support/training.hpp"

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace {

struct run {
    examples::training_record record;
    std::vector<float> values;
};

constexpr double never = std::numeric_limits<double>::infinity();

// Twenty passes over 200 points on a circle around (2, 0).
run train_on_circle(std::size_t threads, std::size_t steps_before_stop,
                    const std::filesystem::path& checkpoint = {}, double seconds = never) {
    std::vector<float> points;
    for (int i = 0; i < 200; ++i) {
        points.push_back(float(2 + std::cos(0.1 * i)));  // the centre is learned first
        points.push_back(float(std::sin(0.1 * i)));
    }
    diffusion::nn::mlp<float> net({.in = 2, .hidden = 32, .layers = 2, .out = 2}, 3);
    diffusion::nn::lanes<float> lanes(threads);
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    examples::training_plan plan;
    plan.seconds = seconds;
    plan.checkpoint = checkpoint;
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

TEST_CASE("a training that is stopped twice and resumed gives the bits of an uninterrupted one") {
    const auto file = std::filesystem::temp_directory_path() / "diffusion_examples_circle.tensors";
    std::filesystem::remove(file);
    const run whole = train_on_circle(1, 1000);
    std::vector<double> losses;
    for (const std::size_t steps : std::initializer_list<std::size_t>{7, 60, 1000}) {
        const run part = train_on_circle(2, steps, file);
        CHECK(part.record.earlier == losses.size());
        losses.insert(losses.end(), part.record.losses.begin(), part.record.losses.end());
        if (steps == 1000) CHECK(part.values == whole.values);
    }
    CHECK(losses == whole.record.losses);
    const run over = train_on_circle(1, 1000, file);  // there is nothing left to do
    CHECK(over.record.losses.empty());
    CHECK(over.values == whole.values);
    std::filesystem::remove(file);
}

TEST_CASE("the seconds before an interruption count") {
    const auto file = std::filesystem::temp_directory_path() / "diffusion_examples_circle.tensors";
    std::filesystem::remove(file);
    CHECK(train_on_circle(1, 3, file, 1e6).record.losses.size() == 3);
    const double used = std::stod(diffusion::io::read_safetensors(file).metadata.at("seconds"));
    CHECK(used > 0);
    const run over = train_on_circle(1, 1000, file, used / 2);
    CHECK(over.record.earlier == 3);
    CHECK(over.record.losses.empty());
    std::filesystem::remove(file);
}

TEST_CASE("a network cannot be trained on nothing") {
    diffusion::nn::mlp<float> net({}, 3);
    diffusion::nn::lanes<float> lanes(1);
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    CHECK_THROWS_AS(
        examples::train(net, lanes, schedule, {{}, {1, 1, 1, 2}, {}}, {}, 0, [] { return false; }),
        std::invalid_argument);
}
