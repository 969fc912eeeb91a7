#include <doctest/doctest.h>
#include <diffusion/nn/optimizer.hpp>
#include <nn/optimizer_traces.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::valley;
using doctest::Approx;

namespace {

template <class Optimizer>
void follow(const std::string& name, const nn::adam_options& options, double rate) {
    valley v;
    Optimizer optimizer(v.store, options);
    for (const auto& point : diffusion::test::torch_trace(name)) {
        v.differentiate();
        optimizer.step(rate);
        CHECK(std::abs(v.point.values()[0] - point[0]) < 1e-12);
        CHECK(std::abs(v.point.values()[1] - point[1]) < 1e-12);
    }
}

}  // namespace

TEST_CASE("Adam and AdamW take PyTorch's steps") {
    follow<nn::adam<double>>("adam", {}, 0.05);
    follow<nn::adam<double>>("adam_other_constants", {.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3},
                             0.02);
    follow<nn::adamw<double>>("adamw", {.weight_decay = 0.1}, 0.05);
    valley v;
    follow<nn::adamw<double>>("adamw_defaults", nn::adamw<double>(v.store).options(), 0.05);
}

TEST_CASE("Adam's first step has the length of the rate, whatever the gradient's size") {
    for (const double size : {1e-3, 1.0, 1e6}) {
        valley v;
        nn::adam<double> adam(v.store);
        v.point.gradient()[0] = size;
        v.point.gradient()[1] = -size;
        adam.step(0.25);
        CHECK(v.point.values()[0] == Approx(1.25).epsilon(1e-4));
        CHECK(v.point.values()[1] == Approx(-0.5).epsilon(1e-4));
    }
}

TEST_CASE("an optimiser goes on from its saved state as if nothing had happened") {
    valley one, two;
    nn::adam<double> first(one.store), second(two.store);
    for (int i = 0; i < 5; ++i) {
        one.differentiate();
        first.step(0.1);
    }
    std::ranges::copy(one.store.values(), two.store.change_values().begin());
    second.restore(first.steps(), first.first_moment(), first.second_moment());
    for (int i = 0; i < 5; ++i) {
        one.differentiate();
        first.step(0.1);
        two.differentiate();
        second.step(0.1);
    }
    CHECK(std::ranges::equal(one.store.values(), two.store.values()));
}

TEST_CASE("frozen parameters are not touched, not even by weight decay or momentum") {
    nn::parameters<float> store(4);
    store.add("base.w", {5}, nn::parameter_layout::plain, nn::initial::normal(1));
    store.add("head.w", {5}, nn::parameter_layout::plain, nn::initial::normal(1));
    nn::adamw<float> adam(store);
    std::ranges::fill(store.gradient(), 1.0F);
    adam.step(0.1);  // momentum for both
    CHECK(store.freeze("base") == 1);
    const nn::parameter<float> base = store.at("base.w"), head = store.at("head.w");
    const std::vector<float> before(base.values().begin(), base.values().end());
    const std::vector<float> head_before(head.values().begin(), head.values().end());
    adam.step(0.1);
    CHECK(std::ranges::equal(before, base.values()));
    CHECK(!std::ranges::equal(head_before, head.values()));
    CHECK(nn::gradient_norm(store) == Approx(std::sqrt(5.0)));
}

TEST_CASE("clipping shortens a long gradient to the given norm and leaves a short one alone") {
    valley v;
    v.point.gradient()[0] = 3;
    v.point.gradient()[1] = -4;
    CHECK(nn::clip_gradient(v.store, 10) == 5);
    CHECK(v.point.gradient()[0] == 3);
    CHECK(nn::clip_gradient(v.store, 1) == 5);
    CHECK(v.point.gradient()[0] == Approx(0.6));
    CHECK(v.point.gradient()[1] == Approx(-0.8));
    CHECK_THROWS_AS(nn::clip_gradient(v.store, 0), std::invalid_argument);
}

TEST_CASE("constants of Adam outside of their range are refused") {
    valley v;
    CHECK_THROWS_AS(nn::adam<double>(v.store, {.beta1 = 1}), std::invalid_argument);
    CHECK_THROWS_AS(nn::adam<double>(v.store, {.beta2 = -0.1}), std::invalid_argument);
    CHECK_THROWS_AS(nn::adam<double>(v.store, {.epsilon = 0}), std::invalid_argument);
    nn::adam<double> adam(v.store);
    const std::vector<double> wrong(1);
    CHECK_THROWS_AS(adam.restore(1, wrong, wrong), std::invalid_argument);
}
