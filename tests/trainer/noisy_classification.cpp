#include <diffusion/trainer/noisy_classification.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <support/counting_new.hpp>

#include <diffusion/nn/noisy_classifier.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;

namespace {

using schedule = diffusion::discrete_schedule<diffusion::cosine_beta>;
using network = nn::noisy_classifier<float>;

/// Pictures of 4x4 pixels with horizontal stripes, label 0, or vertical ones, 1, of either sign.
diffusion::item_batch<float> stripes() {
    diffusion::item_batch<float> set;
    set.shape = {4, 4, 4, 1};
    for (std::size_t i = 0; i < 4; ++i) {
        set.labels.push_back(i % 2);
        for (std::size_t p = 0; p < 16; ++p) {
            const std::size_t line = i % 2 == 0 ? p / 4 : p % 4;
            set.values.push_back((line + i / 2) % 2 == 0 ? 1.0F : -1.0F);
        }
    }
    return set;
}

struct setup {
    diffusion::item_batch<float> set = stripes();
    network net{
        {.base = 8, .multipliers = {1, 2}, .attention = {false, true}, .groups = 4, .classes = 2},
        1};
    diffusion::noisy_classification<network, schedule> model{net, schedule{}};
    diffusion::in_memory<float> data{set};
    nn::lanes<float> lanes;
    diffusion::trainer<diffusion::noisy_classification<network, schedule>,
                       diffusion::in_memory<float>, nn::warmup_cosine>
        training;

    explicit setup(std::size_t threads = 1)
        : lanes(threads),
          training(model, data, lanes, nn::warmup_cosine{5e-3, 5, 200}, {.batch = 16}) {}

    /// log p(label) of the pictures as they are, told that their time is t; the mean.
    double certainty(double t) {
        nn::tape<float> tape;
        const auto logits = net(tape.constant(set.shape, set.values.data()), std::span(&t, 1));
        return -static_cast<double>(
            nn::cross_entropy_loss(logits, std::span<const std::size_t>(set.labels)).item());
    }
};

}  // namespace

TEST_CASE("a classifier that was trained on noisy pictures is sure of clean ones") {
    setup s;
    CHECK(s.certainty(10) < std::log(0.7));
    s.training.run(200);
    CHECK(s.certainty(10) > std::log(0.95));
}

TEST_CASE("training a classifier is the same for all threads, and calls the heap at first only") {
    setup one, three(3);
    one.training.run(2);
    const std::size_t before = support::allocations();
    one.training.run(5);
    CHECK(support::allocations() == before);
    three.training.run(5);
    CHECK(std::ranges::equal(std::as_const(one.net).parameters().values(),
                             std::as_const(three.net).parameters().values()));
}

TEST_CASE("a classifier cannot be trained without labels") {
    setup s;
    s.set.labels.clear();
    diffusion::in_memory<float> data(s.set);
    auto batch = data.init(3);
    CHECK_THROWS_WITH_AS(s.model.prepare(batch, {1, 2}),
                         "diffusion::noisy_classification: there must be a label for each item, "
                         "got 0",
                         std::invalid_argument);
}
