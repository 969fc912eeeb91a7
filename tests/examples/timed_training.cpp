#include <support/timed_training.hpp>

#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/nn/mlp.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/regression.hpp>

namespace nn = diffusion::nn;

namespace {

/// All points are (1, 1).
struct setup {
    nn::mlp<float> net{{.in = 2, .hidden = 8, .layers = 1, .out = 2, .time_channels = 4}, 1};
    diffusion::regression<nn::mlp<float>, diffusion::simple_objective<diffusion::flow_schedule>>
        model{net,
              diffusion::simple_objective(diffusion::flow_schedule{}, diffusion::target::flow)};
    nn::lanes<float> lanes{1};

    template <class Stop>
    std::size_t train(const examples::timed_plan& plan, Stop&& stop) {
        auto ones = diffusion::generate<float>(
            {1, 1, 1, 2},
            [](std::span<float> out, std::uint64_t, std::uint64_t) { out[0] = out[1] = 1; });
        return examples::train_for("test", model, ones, lanes, plan, stop);
    }
    std::vector<float> weights() {
        const auto all = std::as_const(net.parameters()).values();
        return {all.begin(), all.end()};
    }
};

}  // namespace

TEST_CASE("a training makes as many steps as it is told, and is a function of its seed") {
    setup one, other, third;
    const auto never = [] { return false; };
    const std::vector<float> before = one.weights();
    CHECK(one.train({.steps = 7, .batch = 8, .seed = 5}, never) == 7);
    CHECK(other.train({.steps = 7, .batch = 8, .seed = 5}, never) == 7);
    CHECK(third.train({.steps = 7, .batch = 8, .seed = 6}, never) == 7);
    CHECK(one.weights() != before);
    CHECK(one.weights() == other.weights());
    CHECK(one.weights() != third.weights());
}

TEST_CASE("who is stopped finishes the step in hand, or does not begin") {
    setup s;
    std::size_t asked = 0;
    CHECK(s.train({.steps = 100, .batch = 8}, [&] { return ++asked > 3; }) == 3);
    const std::vector<float> before = s.weights();
    CHECK(s.train({.steps = 100, .batch = 8}, [] { return true; }) == 0);
    CHECK(s.weights() == before);
}
