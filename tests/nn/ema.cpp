#include <doctest/doctest.h>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <nn/optimizer_traces.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using doctest::Approx;

TEST_CASE("the average follows its recursion, with a decay that grows to its limit") {
    nn::parameters<double> store;
    const auto p = store.add("p", {1}, nn::parameter_layout::plain, nn::initial::constant(2));
    nn::ema<double> warm(store, {.decay = 0.3}), plain(store, {.decay = 0.3, .warmup = false});
    double expected = 2, expected_plain = 2;
    for (int n = 0; n < 20; ++n) {
        const double d = std::min(0.3, (1.0 + n) / (10.0 + n));
        CHECK(warm.decay() == Approx(d).epsilon(1e-15));
        p.change_values()[0] = n * n - 5.0;
        warm.update();
        plain.update();
        expected = d * expected + (1 - d) * (n * n - 5.0);
        expected_plain = 0.3 * expected_plain + 0.7 * (n * n - 5.0);
        CHECK(warm.values()[0] == Approx(expected).epsilon(1e-12));
        CHECK(plain.values()[0] == Approx(expected_plain).epsilon(1e-12));
    }
    CHECK(warm.updates() == 20);
}

TEST_CASE("the average of Adam's steps is PyTorch's") {
    diffusion::test::valley v;
    nn::adam<double> adam(v.store);
    nn::ema<double> average(v.store, {.decay = 0.7});
    for (const auto& point : diffusion::test::torch_trace("ema_of_adam")) {
        v.differentiate();
        adam.step(0.05);
        average.update();
        CHECK(std::abs(average.values()[0] - point[0]) < 1e-12);
        CHECK(std::abs(average.values()[1] - point[1]) < 1e-12);
    }
}

TEST_CASE("swapping the average in and out changes nothing") {
    nn::parameters<float> store(3);
    const auto p = store.add("p", {7}, nn::parameter_layout::plain, nn::initial::normal(1));
    nn::ema<float> average(store);
    p.change_values()[2] = 100;
    average.update();
    const std::vector<float> trained(p.values().begin(), p.values().end());
    const std::vector<float> mean(average.values().begin(), average.values().begin() + 7);
    average.swap();
    CHECK(std::vector<float>(p.values().begin(), p.values().end()) == mean);
    average.swap();
    CHECK(std::vector<float>(p.values().begin(), p.values().end()) == trained);
}

TEST_CASE("neither an update nor a swap changes a bit of what is frozen") {
    nn::parameters<float> store(3);
    const auto still = store.add("still", {7}, nn::parameter_layout::plain, nn::initial::normal(1));
    const auto moves = store.add("moves", {7}, nn::parameter_layout::plain, nn::initial::normal(1));
    nn::ema<float> average(store);
    store.freeze("still");
    still.change_values()[2] = 0.1F;  // as if loaded from a file
    const std::vector<float> before(still.values().begin(), still.values().end());
    const std::vector<float> mean(average.values().begin(), average.values().begin() + 7);
    for (float& v : moves.change_values()) v += 1;
    for (int n = 0; n < 3; ++n) average.update();
    CHECK(std::equal(mean.begin(), mean.end(), average.values().begin()));
    const float last = moves.values()[0];
    average.swap();
    CHECK(std::ranges::equal(before, still.values()));
    CHECK(moves.values()[0] != last);
    average.swap();
    CHECK(std::ranges::equal(before, still.values()));
    CHECK(moves.values()[0] == last);
    store.thaw("still");
    average.update();
    CHECK(!std::equal(mean.begin(), mean.end(), average.values().begin()));
}

TEST_CASE("a decay outside of [0, 1) is refused") {
    nn::parameters<float> store;
    CHECK_THROWS_AS(nn::ema<float>(store, {.decay = 1}), std::invalid_argument);
    CHECK_THROWS_AS(nn::ema<float>(store, {.decay = -0.5}), std::invalid_argument);
}
