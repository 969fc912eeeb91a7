#include <diffusion/trainer/binomial_training.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/discrete/binomial_bound.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;
using namespace diffusion;

namespace {

constexpr std::size_t bits = 4, T = 25;
const std::vector<float> words{1, 1, 0, 0, 0, 0, 1, 1};  // two words

nn::mlp<float> small_net() {
    return nn::mlp<float>({.in = bits, .hidden = 24, .layers = 2, .out = bits, .time_factor = 100},
                          2);
}

std::vector<std::size_t> data(std::size_t copies) {
    std::vector<std::size_t> x_0;
    for (std::size_t k = 0; k < copies; ++k)
        for (const float bit : words) x_0.push_back(bit > 0 ? 1 : 0);
    return x_0;
}

binomial_bound bound_of(nn::mlp<float>& net, nn::lanes<float>& lanes) {
    const binomial_process process(reciprocal_beta{}, T);
    const auto x_0 = data(1000);
    return binomial_lower_bound(
        process, std::span<const std::size_t>(x_0), bits,
        guesses_bits(process, bit_guess(net, lanes, {1, 1, 1, bits}, process)), 8);
}

}  // namespace

TEST_CASE("trained on K, a network comes to the entropy of two words, and untrained it does not") {
    auto net = small_net();
    nn::lanes<float> lanes(1);
    const double truth = std::log(0.5), before = bound_of(net, lanes).nats_with_learned_end();
    CHECK(before == doctest::Approx(bits * std::log(0.5)).epsilon(0.02));  // a coin for each bit
    binomial_training model(net, binomial_process(reciprocal_beta{}, T));
    in_memory<float> source({1, 1, 1, bits}, words);
    trainer training(model, source, lanes, nn::warmup_cosine{1e-2, 20, 400},
                     {.batch = 64, .average = {.decay = 0.98}});
    training.run(400);
    training.average().swap();
    const binomial_bound after = bound_of(net, lanes);
    CHECK(after.nats_with_learned_end() > truth - 0.15);
    CHECK(after.nats_with_learned_end() < truth + 0.03);
    CHECK(after.nats() < after.nats_with_learned_end());
}

TEST_CASE("the loss is -K with a learned end, for a process that ends in fair coins") {
    auto net = small_net();
    nn::lanes<float> lanes(1);
    binomial_training model(net, binomial_process(reciprocal_beta{}, T));
    in_memory<float> source({1, 1, 1, bits}, words);
    auto batch = source.init(8000);
    source.fill(batch, {3, 0});
    model.prepare(batch, {3, 0});
    const double loss =
        lanes.train(net.parameters(), 8000, [&](auto& tape, std::size_t first, std::size_t count) {
            return model.loss(tape, batch, first, count);
        });
    CHECK(-loss == doctest::Approx(bound_of(net, lanes).nats_with_learned_end()).epsilon(0.03));
}

TEST_CASE("data other than 0 and 1, and parts of items, are refused") {
    auto net = small_net();
    nn::lanes<float> lanes(1);
    binomial_training model(net, binomial_process(reciprocal_beta{}, T));
    item_batch<float> batch{{1, 1, 1, bits}, {0, 1, 0.5F, 1}, {}};
    CHECK(support::is_complete(support::refusal([&] { model.prepare(batch, {}); }), 0.5F));
    batch.labels.resize(2);
    CHECK(support::is_complete(support::refusal([&] { model.prepare(batch, {}); }), 2));
    bit_guess guess(net, lanes, {1, 1, 1, bits}, binomial_process(reciprocal_beta{}, T));
    const std::vector<std::size_t> x(3);
    std::vector<double> one(3);
    CHECK(support::is_complete(support::refusal([&] { guess(x, 1, one); }), 3));
    bit_guess of_nothing(net, lanes, {1, 1, 1, 0}, binomial_process(reciprocal_beta{}, T));
    CHECK(support::is_complete(support::refusal([&] { of_nothing(x, 1, one); }), 3));
    const auto late = [](std::size_t t, std::size_t) { return t < 2 ? 0.0 : 0.5; };
    CHECK(support::is_complete(
        support::refusal([&] { binomial_training(net, binomial_process(late, T)); }), 1.0));
}
