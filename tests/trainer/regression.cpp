#include <diffusion/trainer/regression.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <support/counting_new.hpp>
#include <support/refusal.hpp>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/objective/preconditioned.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/objective/time_distribution.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/trainer/coupled.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;
using diffusion::regression;
using vector = std::vector<float>;

namespace {

/// Half of the points are 1, half -1.
diffusion::item_batch<float> two_points() {
    diffusion::item_batch<float> set;
    set.shape = {100, 1, 1, 1};
    for (int i = 0; i < 100; ++i) set.values.push_back(i % 2 == 0 ? 1.0F : -1.0F);
    return set;
}

nn::mlp<float> network(double time_factor) {
    nn::mlp_options o{.in = 1, .hidden = 32, .layers = 2, .out = 1, .time_channels = 16};
    o.time_factor = time_factor;
    return nn::mlp<float>(o, 1);
}

template <class Model, class Data>
std::vector<double> train(Model& model, Data& data, std::size_t steps, std::size_t threads = 1) {
    nn::lanes<float> lanes(threads);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{1e-2, 10, steps},
                                {.batch = 65, .seed = 3});
    std::vector<double> losses;
    training.run(steps, [&](const diffusion::step_report& r) { losses.push_back(r.loss); });
    training.average().swap();
    return losses;
}

diffusion::node level(double sigma) { return {sigma, 1, sigma, -std::log(sigma)}; }

}  // namespace

TEST_CASE("EDM's training makes a denoiser: of two points it is tanh(x / sigma^2)") {
    nn::mlp<float> net = network(250);
    regression model(net, diffusion::edm_objective(1));
    const auto set = two_points();
    diffusion::in_memory<float> data(set);
    train(model, data, 600);
    nn::lanes<float> lanes(1);
    diffusion::preconditioned denoise(nn::as_network(net, lanes, 1, 1), diffusion::edm_scaling{1},
                                      vector(4));
    const vector x{-1.5F, -0.3F, 0.2F, 0.9F};
    vector x0(4);
    for (const double sigma : {0.6, 1.0, 2.0}) {
        denoise(x, level(sigma), x0);
        for (std::size_t e = 0; e < 4; ++e)
            CHECK(std::abs(double(x0[e]) - std::tanh(double(x[e]) / (sigma * sigma))) < 0.12);
    }
}

TEST_CASE("a rectified flow learns the velocity of straight lines, at times of its own choice") {
    nn::mlp<float> net = network(1000);
    regression model(
        net, diffusion::simple_objective(
                 diffusion::flow_schedule{}, diffusion::target::flow, diffusion::unweighted{},
                 diffusion::time_sampling::stratified, 0, diffusion::logit_normal_times{}));
    const auto set = two_points();
    diffusion::in_memory<float> data(set);
    train(model, data, 600);
    nn::lanes<float> lanes(1);
    const auto ask = nn::as_network(net, lanes, 1, 1);
    // E[eps - x_0 | x_t] = (x - x_0)/t with x_0 = tanh(x (1 - t)/t^2)
    for (const double t : {0.4, 0.6})
        for (const double x : {-0.8, 0.1, 0.5}) {
            const double u = (x - std::tanh(x * (1 - t) / (t * t))) / t;
            CHECK(std::abs(double(ask(vector{float(x)}, t)[0]) - u) < 0.25);
        }
}

TEST_CASE("pairs of noise and data give straight paths: one step is enough") {
    // reflow at its goal: x_0 = 2 z + 1, whose lines do not cross
    vector noise(200), values(200);
    diffusion::fill_normal<float>(noise, 5, {diffusion::noise_stream::user});
    for (std::size_t i = 0; i < 200; ++i) values[i] = 2 * noise[i] + 1;
    nn::mlp<float> net = network(1000);
    regression model(
        net, diffusion::simple_objective(diffusion::flow_schedule{}, diffusion::target::flow));
    diffusion::coupled<float> pairs({1, 1, 1, 1}, values, noise);
    train(model, pairs, 600);
    nn::lanes<float> lanes(1);
    const auto ask = nn::as_network(net, lanes, 1, 1);
    for (const float z : {-1.0F, 0.0F, 1.0F})
        CHECK(std::abs(z - ask(vector{z}, 1.0)[0] - (2 * z + 1)) < 0.25F);
}

TEST_CASE("the losses of a regression do not depend on the threads, nor on what came before") {
    const auto losses = [](std::size_t threads) {
        nn::mlp<float> net = network(250);
        regression model(net, diffusion::edm_objective(1));
        const auto set = two_points();
        diffusion::in_memory<float> data(set);
        return train(model, data, 5, threads);
    };
    CHECK(losses(1) == losses(3));
}

TEST_CASE(
    "a regression calls the heap in the first step only, and refuses labels that do not fit") {
    nn::mlp<float> net = network(250);
    regression model(net, diffusion::edm_objective(1));
    const auto set = two_points();
    diffusion::in_memory<float> data(set);
    nn::lanes<float> lanes(1);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{});
    training.run(2);
    const std::size_t before = support::allocations();
    training.run(4);
    CHECK(support::allocations() == before);
    auto batch = data.init(4);
    batch.labels.resize(3);
    CHECK(support::is_complete(support::refusal([&] { model.prepare(batch, {}); }), 3));
}
