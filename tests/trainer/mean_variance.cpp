#include <diffusion/trainer/mean_variance.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/relative_variance.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/likelihood/edge_step.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/trainer/generated.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;
using namespace diffusion;

namespace {

/// n noisy levels, evenly spaced in lambda.
time_grid levels(int n) {
    time_grid grid;
    for (int i = 0; i < n; ++i) {
        const double lambda = -3 + 6.0 * i / (n - 1);
        const auto at = variance_preserving(-0.5 * std::log1p(std::exp(-2 * lambda)));
        grid.push_back({-lambda, at.alpha, at.sigma, at.lambda});
    }
    return grid;
}

/// Points x_0 = (z/10, 1.41 z'): a line, nearly.
void draw_point(std::span<float> x, std::uint64_t seed, std::uint64_t number) {
    fill_normal<float>(x, seed, {noise_stream::data, number, 1});
    x[0] *= 0.1F;
    x[1] *= 1.41F;
}

nn::mlp<float> small_net() {
    return nn::mlp<float>({.hidden = 24, .layers = 2, .out = 4, .time_factor = 10}, 3);
}

/// K in nats of a network on points that it has not seen.
double K(nn::mlp<float>& net, nn::lanes<float>& lanes, time_grid grid) {
    std::vector<float> x(2 * 4000);
    for (std::size_t i = 0; i < 4000; ++i) draw_point(std::span(x).subspan(2 * i, 2), 77, i);
    auto D = relative_variance(predicts_noise(
        two_outputs(nn::as_network(net, lanes, 1, 1), std::vector<float>(x.size()))));
    const edge_step end(grid.back());
    grid.push_back({-100, clean_data.alpha, clean_data.sigma, clean_data.lambda});
    const variational_bound bound(grid, variance_output::data_log_variance, end);
    const bound_terms terms = bound(x, 4000, D, gaussian_noise{1});
    double sum = 0;
    for (const double total : terms.total) sum -= total / 4000;
    return sum;
}

}  // namespace

TEST_CASE("the loss is what a network can change of -K: both agree on one batch") {
    auto net = small_net();
    const time_grid grid = levels(8);
    mean_variance_training model(net, grid, target::noise);
    nn::lanes<float> lanes(1);
    auto data = generate<float>({1, 1, 1, 2}, draw_point);
    auto batch = data.init(4000);
    data.fill(batch, {5, 0});
    model.prepare(batch, {5, 0});
    const double loss =
        lanes.train(net.parameters(), 4000, [&](auto& tape, std::size_t first, std::size_t count) {
            return model.loss(tape, batch, first, count);
        });
    const double entropies = 2 * (gaussian_entropy(grid.front().sigma) -
                                  gaussian_entropy(grid.back().sigma) - gaussian_entropy(1));
    CHECK(entropies - loss == doctest::Approx(K(net, lanes, grid)).epsilon(0.03));
}

TEST_CASE("trained on K, mean and variance come to the true log-likelihood") {
    auto net = small_net();
    mean_variance_training model(net, levels(8), target::noise);
    nn::lanes<float> lanes(1);
    auto data = generate<float>({1, 1, 1, 2}, draw_point);
    const double before = K(net, lanes, levels(8));
    trainer training(model, data, lanes, nn::warmup_cosine{1e-2, 20, 400},
                     {.batch = 128, .average = {.decay = 0.98}});
    training.run(400);
    training.average().swap();
    const double truth = -gaussian_entropy(0.1) - gaussian_entropy(1.41);
    const double after = K(net, lanes, levels(8)), finer = K(net, lanes, levels(29));
    CHECK(before < truth - 1);
    CHECK(after > truth - 0.15);
    CHECK(after < truth + 0.05);  // but for the noise of the estimate it is a bound
    CHECK(finer > truth - 0.3);   // the variance is the data's: the same network takes other steps
}

TEST_CASE("a batch is a function of the draw, whatever was drawn before") {
    auto net = small_net();
    nn::lanes<float> lanes(1);
    auto data = generate<float>({1, 1, 1, 2}, draw_point);
    auto batch = data.init(64);
    const auto loss_of = [&](auto& model, const batch_draw& draw) {
        data.fill(batch, draw);
        model.prepare(batch, draw);
        return lanes.train(net.parameters(), 64,
                           [&](auto& tape, std::size_t first, std::size_t count) {
                               return model.loss(tape, batch, first, count);
                           });
    };
    mean_variance_training one(net, levels(8)), other(net, levels(8));
    loss_of(one, {1, 3});
    const double again = loss_of(one, {1, 4});
    CHECK(again == loss_of(other, {1, 4}));
    CHECK(again != loss_of(other, {1, 5}));
}

TEST_CASE("grids that end in clean data or run from data to noise are refused") {
    auto net = small_net();
    time_grid grid = levels(4);
    CHECK_THROWS_AS(mean_variance_training(net, inverted(grid)), std::invalid_argument);
    grid.push_back({-100, clean_data.alpha, clean_data.sigma, clean_data.lambda});
    CHECK(support::is_complete(support::refusal([&] { mean_variance_training(net, grid); }), 0.0));
}

TEST_CASE("labels that are not as many as the items are refused") {
    auto net = small_net();
    auto data = generate<float>({1, 1, 1, 2}, draw_point);
    auto batch = data.init(4);
    batch.labels.resize(3);
    mean_variance_training model(net, levels(4));
    CHECK(support::is_complete(support::refusal([&] { model.prepare(batch, {}); }), 3));
}
