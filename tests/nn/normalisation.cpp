#include <doctest/doctest.h>
#include <diffusion/nn/normalisation.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

namespace {

const std::vector<nn::shape> odd_shapes = {
    {2, 3, 3, 6}, {1, 1, 1, 4}, {3, 5, 1, 2}, {1, 2, 7, 17}, {2, 1, 5, 9}};

}  // namespace

TEST_CASE("the gradient of a layer norm is right for odd sizes, with and without gamma and beta") {
    for (const nn::shape& s : odd_shapes) {
        INFO(nn::to_string(s));
        const nn::shape row{1, 1, 1, s.channels};
        check_gradient(
            {s, row, row}, [](auto&, const auto& v) { return nn::layer_norm(v[0], v[1], v[2]); },
            1e-6);
        check_gradient(
            {s},
            [](auto&, const auto& v) {  // x has a second reader
                return nn::add(nn::layer_norm(v[0]), v[0]);
            },
            1e-6);
    }
}

TEST_CASE("a layer norm is a group norm of one group at each position by itself") {
    const nn::shape s{2, 3, 5, 7};
    const std::vector<double> x = diffusion::test::normals(s.size(), 1);
    const std::vector<double> gamma = diffusion::test::normals(7, 2);
    const std::vector<double> beta = diffusion::test::normals(7, 3);
    nn::tape<double> tape;
    const auto g = tape.constant({1, 1, 1, 7}, gamma.data());
    const auto b = tape.constant({1, 1, 1, 7}, beta.data());
    const auto y = nn::layer_norm(tape.constant(s, x.data()), g, b, 1e-3);
    const auto z = nn::group_norm(tape.constant({30, 1, 1, 7}, x.data()), g, b,
                                  {.groups = 1, .epsilon = 1e-3});
    double worst = 0;
    for (std::size_t i = 0; i < s.size(); ++i)
        worst = support::worse(worst, std::abs(y.data()[i] - z.data()[i]));
    CHECK(worst < 1e-14);
}

TEST_CASE("a large mean does not spoil a layer norm in float") {
    const nn::shape s{1, 1, 3, 64};
    std::vector<double> x = diffusion::test::normals(s.size(), 1);
    std::vector<float> rounded;
    for (double& v : x) {
        rounded.push_back(static_cast<float>(1000 + v));
        v = static_cast<double>(rounded.back());
    }
    nn::tape<double> tape;
    nn::tape<float> tapef;
    const auto y = nn::layer_norm(tape.constant(s, x.data()));
    const auto yf = nn::layer_norm(tapef.constant(s, rounded.data()));
    // the mean itself, rounded to float, is off by up to 1000 / 2^24
    double worst = 0;
    for (std::size_t i = 0; i < s.size(); ++i)
        worst = support::worse(worst, std::abs(static_cast<double>(yf.data()[i]) - y.data()[i]));
    CHECK(worst < 2e-4);
}

TEST_CASE("a group norm without gamma and beta is one with ones and zeros") {
    const nn::shape s{2, 3, 1, 6};
    check_gradient(
        {s, {2, 1, 1, 6}},
        [](auto&, const auto& v) {
            const nn::var<double> none;
            return nn::group_norm(v[0], none, none, {.groups = 3, .with_silu = true}, v[1]);
        },
        1e-6);
    const std::vector<double> x = diffusion::test::normals(s.size(), 1);
    const std::vector<double> one(6, 1.0), zero(6, 0.0);
    nn::tape<double> tape;
    const auto v = tape.constant(s, x.data());
    const nn::var<double> none;
    const auto y = nn::group_norm(v, none, none, {.groups = 3});
    const auto z = nn::group_norm(v, tape.constant({1, 1, 1, 6}, one.data()),
                                  tape.constant({1, 1, 1, 6}, zero.data()), {.groups = 3});
    CHECK(std::ranges::equal(y.values(), z.values()));
}

TEST_CASE("a batch norm applies the measured mean and variance, and is differentiable") {
    const std::vector<double> mean = {1, -2, 0.5}, variance = {4, 0.25, 9};
    const nn::shape row{1, 1, 1, 3};
    const auto norm = [&](auto& tape, const auto& v, bool affine) {
        const auto m = tape.constant(row, mean.data());
        const auto s = tape.constant(row, variance.data());
        return affine ? nn::batch_norm(v[0], m, s, v[1], v[2], 1e-3) : nn::batch_norm(v[0], m, s);
    };
    for (const nn::shape& s : {nn::shape{2, 3, 1, 3}, nn::shape{1, 1, 1, 3}}) {
        check_gradient({s, row, row},
                       [&](auto& tape, const auto& v) { return norm(tape, v, true); });
        check_gradient(
            {s}, [&](auto& tape, const auto& v) { return nn::add(norm(tape, v, false), v[0]); });
    }
    nn::parameters<double> store;
    const nn::batch_norm_layer<double> layer(store, "bn", 3, 0);
    std::copy(mean.begin(), mean.end(), layer.mean.change_values().begin());
    std::copy(variance.begin(), variance.end(), layer.variance.change_values().begin());
    layer.weight.change_values()[1] = 3;
    layer.bias.change_values()[2] = 5;
    nn::tape<double> tape;
    std::vector<double> gradient(store.values().size(), 0.0);
    tape.collect(store, gradient);
    const std::vector<double> x = {2, -1, 3.5, 1, -2.5, 0.5};
    const auto y = layer(tape.constant({2, 1, 1, 3}, x.data()));
    CHECK(std::vector<double>(y.values().begin(), y.values().end()) ==
          std::vector<double>{0.5, 6, 6, 0, -3, 5});
    tape.backward(y, x);
    CHECK(gradient[layer.bias.info().offset] == 3);
    CHECK(gradient[layer.mean.info().offset] == 0);
    CHECK(gradient[layer.variance.info().offset] == 0);
    CHECK(store.find("bn.running_var")->frozen);
}

TEST_CASE("vectors brought to length 1 have it, and their gradient is right") {
    for (const nn::shape& s : odd_shapes)
        check_gradient({s}, [](auto&, const auto& v) {
            return nn::add(nn::normalize_length(v[0]), nn::normalize_length(v[0], 0.5));
        });
    nn::tape<double> tape;
    const std::vector<double> x = {3, -4, 0, 0};
    const auto y = nn::normalize_length(tape.constant({1, 1, 2, 2}, x.data()));
    CHECK(y.data()[0] == doctest::Approx(0.6).epsilon(1e-15));
    CHECK(y.data()[1] == doctest::Approx(-0.8).epsilon(1e-15));
    CHECK(y.data()[2] == 0);
    CHECK(y.data()[3] == 0);
}

TEST_CASE("FiLM starts as the identity, and its embedding gets a gradient") {
    nn::parameters<double> store(3);
    const nn::film_layer<double> film(store, "film", 3, 5);
    const std::vector<double> x = diffusion::test::normals(60, 1), e = {1, 2, 3, 4, 5, 6};
    nn::tape<double> tape;
    const auto v = tape.constant({2, 2, 3, 5}, x.data());
    const auto y = film(v, tape.constant({2, 1, 1, 3}, e.data()));
    CHECK(std::ranges::equal(y.values(), x));
    const std::vector<double> weights = diffusion::test::normals(store.values().size(), 2);
    std::copy(weights.begin(), weights.end(), store.change_values().begin());
    check_gradient({{2, 2, 3, 5}, {2, 1, 1, 3}},
                   [&](auto&, const auto& u) { return film(u[0], u[1]); });
    CHECK_THROWS_AS(
        film(tape.constant({2, 1, 1, 4}, x.data()), tape.constant({2, 1, 1, 3}, e.data())),
        std::invalid_argument);
}

TEST_CASE("norms refuse rows of the wrong length, and gamma without beta") {
    nn::tape<double> tape;
    const std::vector<double> x(6, 1.0);
    const auto v = tape.constant({1, 2, 1, 3}, x.data());
    const auto row = tape.constant({1, 1, 1, 3}, x.data());
    const auto wrong = tape.constant({1, 1, 1, 2}, x.data());
    const nn::var<double> none;
    CHECK_THROWS_WITH_AS(nn::layer_norm(v, row, wrong),
                         "diffusion::nn::layer_norm: gamma and beta must have one number per "
                         "channel, got (1, 1, 1, 2) and (1, 2, 1, 3)",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(nn::layer_norm(v, row, none),
                         "diffusion::nn::layer_norm: gamma and beta must both be given or both be "
                         "left out",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::group_norm(v, none, row, {.groups = 1}), std::invalid_argument);
    CHECK_THROWS_AS(nn::batch_norm(v, row, wrong), std::invalid_argument);
    CHECK_THROWS_AS(nn::batch_norm(v, wrong, row), std::invalid_argument);
    CHECK_THROWS_AS(nn::batch_norm(v, row, row, wrong, row), std::invalid_argument);
    for (const bool mean : {false, true})
        CHECK_THROWS_WITH_AS(
            nn::batch_norm(v, mean ? row : nn::var<double>(), mean ? nn::var<double>() : row),
            "diffusion::nn::batch_norm: mean and variance must be given, got \"none\"",
            std::invalid_argument);
}
