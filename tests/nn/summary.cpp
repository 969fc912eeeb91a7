#include <doctest/doctest.h>
#include <diffusion/nn/activations.hpp>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/noisy_classifier.hpp>
#include <diffusion/nn/summary.hpp>
#include <diffusion/nn/unet.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// The group of this name.
nn::model_summary::group group(const nn::model_summary& s, const std::string& name) {
    const auto found = std::ranges::find(s.groups, name, &nn::model_summary::group::name);
    REQUIRE(found != s.groups.end());
    return *found;
}

}  // namespace

TEST_CASE("a summary counts what can be counted by hand: one linear layer and its activation") {
    nn::parameters<float> store;
    const nn::linear_layer<float> layer(store, "layer", 3, 5);
    const std::vector<float> x(7 * 3);
    const nn::model_summary s = nn::summary_of(store, [&](nn::tape<float>& tape) {
        return nn::silu(layer(tape.constant({7, 1, 1, 3}, x.data())));
    });
    CHECK(s.parameters() == 3 * 5 + 5);
    CHECK(s.operations() == 2 * 7 * 3 * 5);
    CHECK(s.output == nn::shape{7, 1, 1, 5});
    // forward: what the layer and what SiLU gives; back: a gradient or two of that size besides
    CHECK(s.kept_bytes == 2 * 35 * sizeof(float));
    CHECK(s.peak_bytes >= 3 * 35 * sizeof(float));
    CHECK(s.peak_bytes <= 4 * 35 * sizeof(float));
}

TEST_CASE("convolutions count by their definition, also with stride, transposed, and with zeros") {
    nn::parameters<double> store;
    const nn::conv2d<double> half(store, "a.0", 2, 3, 3, 2);  // 5x7 to 3x4
    const nn::conv2d_transposed<double> back(store, "a.1", 3, 4, 5, 2);
    const std::vector<double> x(2 * 5 * 7 * 2);
    const nn::model_summary s = nn::summary_of(store, [&](nn::tape<double>& tape) {
        return back(half(tape.constant({2, 5, 7, 2}, x.data())));
    });
    CHECK(group(s, "a.0").operations == 2 * 2 * (3 * 4) * 3 * (3 * 3 * 2));
    CHECK(group(s, "a.1").operations == 2 * 2 * (3 * 4) * 3 * (5 * 5 * 4));  // a stamp per pixel
    CHECK(group(s, "a.0").parameters == 3 * 3 * 2 * 3 + 3);
    CHECK(group(s, "a.1").parameters == 5 * 5 * 3 * 4 + 4);
}

TEST_CASE("attention counts as its two products, for the layer before it") {
    nn::parameters<float> store;
    const nn::linear_layer<float> first(store, "first", 6, 18), last(store, "last", 6, 6);
    const std::vector<float> x(2 * 10 * 6);
    const nn::model_summary s = nn::summary_of(store, [&](nn::tape<float>& tape) {
        return last(nn::self_attention(first(tape.constant({2, 2, 5, 6}, x.data())), 3));
    });
    // of the layer; then for each of 2 items and 3 heads of 2 channels q k^T and p v, 10 x 10 each
    CHECK(group(s, "first").operations == 2 * 20 * 6 * 18 + 2 * 2 * (2 * 3) * (10 * 10 * 2));
    CHECK(group(s, "last").operations == 2 * 20 * 6 * 6);
}

TEST_CASE("the U-Net that is timed has 1,112,801 parameters and takes 0.38 GFLOP at 28x28") {
    nn::unet<float> net({});
    const nn::model_summary s = nn::summary(net, {1, 28, 28, 1});
    CHECK(s.parameters() == 1112801);
    CHECK(s.parameters() == net.parameters().count());
    // Of one block from i to o channels on p pixels: c1 9io, c2 9oo, e 128o once, k io if i != o.
    const auto block = [](double p, double i, double o) {
        return p * (9 * i * o + 9 * o * o + (i != o ? i * o : 0)) + 128 * o;
    };
    const auto conv = [](double p, double i, double o) { return p * 9 * i * o; };
    const double attention = 49 * 4 * 64 * 64 + 2 * 49 * 49 * 64;     // q and o, then both products
    const double by_hand = 32 * 128 + 128 * 128 + conv(784, 1, 32) +  // te, inp
                           block(784, 32, 32) + conv(196, 32, 32) + block(196, 32, 64) +
                           conv(49, 64, 64) + block(49, 64, 64) + attention +          // down
                           2 * block(49, 64, 64) + attention +                         // middle
                           2 * (block(49, 128, 64) + attention) + conv(196, 64, 64) +  // up
                           block(196, 128, 64) + block(196, 96, 64) + conv(784, 64, 64) +
                           block(784, 96, 32) + block(784, 64, 32) + conv(784, 32, 1);
    CHECK(s.operations() == 2 * by_hand);
    CHECK(s.operations() == doctest::Approx(0.38e9).epsilon(1e-3));
    CHECK(group(s, "inp").operations == 2 * conv(784, 1, 32));
    CHECK(group(s, "ma").operations == 2 * attention);
    CHECK(group(s, "up.2").parameters == 9 * 64 * 64 + 64);

    const nn::model_summary four = nn::summary(net, {4, 28, 28, 1});
    CHECK(four.operations() == 4 * s.operations());
    CHECK(four.kept_bytes > 3 * s.kept_bytes);
    CHECK(four.peak_bytes >= four.kept_bytes);
}

TEST_CASE("a summary knows networks of points, classifiers, and networks that are told something") {
    const nn::mlp<double> points({.hidden = 8, .layers = 2, .time_channels = 4});
    CHECK(nn::summary(points, {3, 1, 1, 2}).output == nn::shape{3, 1, 1, 2});
    const nn::noisy_classifier<float> classifier({.base = 8, .groups = 4});
    CHECK(nn::summary(classifier, {2, 8, 8, 1}).output == nn::shape{2, 1, 1, 10});
    nn::unet<float> told({.base = 8, .groups = 4, .token_channels = 3});
    CHECK_THROWS_AS(nn::summary(told, {2, 8, 8, 1}), std::invalid_argument);
    nn::condition_values<float> given;
    given.tokens = {{2, 1, 5, 3}, std::vector<float>(30)};
    const nn::model_summary s = nn::summary(told, {2, 8, 8, 1}, given);
    // mx: q and o of 4 pixels, keys and values of 5 tokens, two products; for both items
    CHECK(group(s, "mx").operations == 2 * 2 * (4 * 2 * 16 * 16 + 5 * 3 * 32 + 2 * 4 * 5 * 16));
}

TEST_CASE("names fall into groups as far as their first number") {
    using nn::detail::group_of;
    CHECK(group_of("down.0.1.q.weight") == "down.0");
    CHECK(group_of("inp.weight") == "inp");
    CHECK(group_of("a.b.12.c") == "a.b.12");
    CHECK(group_of("layer.3") == "layer.3");
    CHECK(group_of("te2.weight") == "te2");
    CHECK(group_of("alone") == "alone");
}

TEST_CASE("the text of a summary is a table with a line for each group and for all") {
    nn::parameters<float> store;
    const nn::linear_layer<float> layer(store, "layer.0", 30, 50), next(store, "next", 50, 1000);
    store.freeze("next.bias");
    const std::vector<float> x(7 * 30);
    nn::model_summary s = nn::summary_of(store, [&](nn::tape<float>& tape) {
        return next(layer(tape.constant({7, 1, 1, 30}, x.data())));
    });
    s.input = {7, 1, 1, 30};
    s.peak_bytes = 2345678;
    CHECK(s.text() ==
          "                 tensors    parameters       MFLOP\n"
          "layer.0                2         1,550        0.02\n"
          "next                   2        51,000        0.70\n"
          "all                    4        52,550        0.72\n"
          "1,000 of the parameters are frozen\n"
          "(7, 1, 1, 30) to (7, 1, 1, 1000): 0.001 GFLOP forward; a training step keeps 0.03 MB of "
          "values, 2.35 MB at most\n");
}
