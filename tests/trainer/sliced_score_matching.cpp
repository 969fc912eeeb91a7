#include <diffusion/trainer/sliced_score_matching.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;

namespace {

/// All linear scores W x + b: among them is that of a Gaussian, W = -inverse covariance and b =
/// -W mean.
struct linear_score {
    nn::parameters<double> store{1};
    nn::linear_layer<double> layer{store, "score", 2, 2};

    template <class X>
    X operator()(const X& x, std::span<const double>) const {
        return layer(x);
    }
    nn::parameters<double>& parameters() { return store; }
};

/// x = (1 + z_0, z_0/2 + z_1 - 1): mean (1, -1), covariance (1, 1/2; 1/2, 5/4), whose inverse is
/// (5/4, -1/2; -1/2, 1).
diffusion::item_batch<double> gaussian(std::size_t count) {
    diffusion::item_batch<double> set;
    set.shape = {count, 1, 1, 2};
    set.values.resize(2 * count);
    diffusion::fill_normal<double>(set.values, 2, {diffusion::noise_stream::user});
    for (std::size_t i = 0; i < count; ++i) {
        double &x = set.values[2 * i], &y = set.values[2 * i + 1];
        y += x / 2 - 1;
        x += 1;
    }
    return set;
}

void check_learned(const diffusion::sliced_score_options& options, double tolerance) {
    const auto set = gaussian(4000);
    diffusion::in_memory<double> data(set);
    linear_score score;
    diffusion::sliced_score_matching model(score, options);
    nn::lanes<double> lanes(1);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{3e-2, 10, 600},
                                {.batch = 100});
    training.run(600);
    training.average().swap();
    const auto w = score.layer.weight.values(), b = score.layer.bias.values();
    for (const std::size_t i : {0U, 1U, 2U, 3U})
        CHECK(std::abs(w[i] - std::vector<double>{-1.25, 0.5, 0.5, -1}[i]) < tolerance);
    CHECK(std::abs(b[0] - 1.75) < tolerance);
    CHECK(std::abs(b[1] + 1.5) < tolerance);
}

}  // namespace

TEST_CASE("sliced score matching finds the score of a Gaussian from its points alone") {
    SUBCASE("variance reduced, with signs") { check_learned({}, 0.1); }
    SUBCASE("plain, with signs") { check_learned({.loss = nn::slicing::plain}, 0.15); }
    SUBCASE("variance reduced, with normal directions") {
        check_learned({.along = diffusion::directions::gaussian}, 0.15);
    }
}

TEST_CASE("directions are a function of the batch's draw, and signs are signs") {
    // for s(x) = x the variance-reduced loss is |v|^2 + |x|^2 / 2, and |v|^2 = 2 for signs
    linear_score score;
    auto w = score.layer.weight.change_values();
    w[0] = w[3] = 1;
    w[1] = w[2] = 0;
    score.layer.bias.change_values()[0] = score.layer.bias.change_values()[1] = 0;
    diffusion::item_batch<double> batch;
    batch.shape = {2, 1, 1, 2};
    batch.values = {0, 2, 0, 0};
    const auto loss = [&](diffusion::directions along, std::uint64_t index) {
        diffusion::sliced_score_matching model(score, {.along = along});
        model.prepare(batch, {1, index});
        nn::tape<double> tape;
        return model.loss(tape, batch, 0, 2).item();
    };
    CHECK(loss(diffusion::directions::rademacher, 4) == doctest::Approx(2 + 1));
    const auto normal = diffusion::directions::gaussian;
    CHECK(loss(normal, 4) != loss(normal, 5));
    CHECK(loss(normal, 4) == loss(normal, 4));
}

TEST_CASE("a net that knows the time is told the one that was asked for") {
    nn::mlp<double> net({.hidden = 4, .layers = 1, .time_channels = 4}, 1);
    for (double& w : net.parameters().change_values()) w += 0.1;
    const auto set = gaussian(6);
    const auto loss = [&](double time) {
        diffusion::sliced_score_matching model(net, {.time = time});
        model.prepare(set, {1, 1});
        nn::tape<double> tape;
        return model.loss(tape, set, 2, 3).item();
    };
    CHECK(loss(1) != loss(2));
}
