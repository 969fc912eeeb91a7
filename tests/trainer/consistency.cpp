#include <diffusion/trainer/consistency.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <support/counting_new.hpp>
#include <support/gaussian_toy.hpp>
#include <support/refusal.hpp>

#include <diffusion/grid/sigma_grid.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/schedule_rate.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

namespace nn = diffusion::nn;
using diffusion::consistency;
using diffusion::consistency_options;

namespace {

constexpr double floor_sigma = 0.01;

consistency_options options(double sigma_data) {
    consistency_options o;
    o.scaling = {.sigma_data = sigma_data, .sigma_min = floor_sigma, .time_scale = 250};
    o.levels.range = {floor_sigma, 10};
    return o;
}

const support::gaussian_toy toy{0, 0.6};

/// F of the exact consistency function of N(0, 0.36), f(x, t) = x std(floor)/std(t), and a bias
/// that spoils it unless it is 0.
struct exact_net {
    nn::parameters<double> store{1};
    nn::parameter<double> bias = store.add("bias", {1}, {}, {});

    exact_net() { bias.change_values()[0] = 0; }
    nn::var<double> operator()(const nn::var<double>& x, std::span<const double> times,
                               std::span<const std::size_t>) const {
        nn::tape<double>& tape = x.tape();
        const nn::var<double> slope = tape.result(x.shape()), one = tape.result(x.shape());
        const auto scaling = options(0.6).scaling;
        const diffusion::noise_level end = diffusion::variance_exploding_level(floor_sigma);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double sigma = std::exp(4 * times[i] / scaling.time_scale);
            const diffusion::node t{sigma, 1, sigma, -std::log(sigma)};
            const auto w = scaling(t);
            const double f = toy.std_at(end) / toy.std_at(t);
            slope.fill()[i] = w.out > 1e-12 ? (f - w.skip) / (w.out * w.in) : 0;
            one.fill()[i] = 1;
        }
        return nn::add(nn::multiply(x, slope), nn::multiply(one, tape.use(bias)));
    }
    nn::parameters<double>& parameters() { return store; }
};

struct exact_teacher {
    void operator()(const std::vector<double>& x, std::span<const diffusion::node> at,
                    std::vector<double>& x_0) const {
        for (std::size_t i = 0; i < x.size(); ++i) x_0[i] = toy.data(x[i], at[i]);
    }
};

diffusion::item_batch<double> gaussian(std::size_t count) {
    diffusion::item_batch<double> set;
    set.shape = {count, 1, 1, 1};
    set.values.resize(count);
    diffusion::fill_normal<double>(set.values, 2, {diffusion::noise_stream::user});
    for (double& x : set.values) x *= 0.6;
    return set;
}

}  // namespace

TEST_CASE("distillation from the exact ODE finds nothing to improve in the exact function") {
    const auto set = gaussian(64);
    exact_net net;
    consistency_options o = options(0.6);
    o.metric = diffusion::consistency_metric::squared;
    o.levels.by_interval = false;
    const auto loss = [&](std::size_t levels, double bias) {
        net.bias.change_values()[0] = bias;
        consistency model(net, diffusion::constant_curriculum{.count = levels, .mu = 0},
                          diffusion::uniform_levels{}, o, exact_teacher{});
        model.prepare(set, {1, 0});
        nn::tape<double> tape;
        const double first = model.loss(tape, set, 0, 64).item();
        CHECK(model.loss(tape, set, 0, 64).item() == first);  // asking twice changes nothing
        return first;
    };
    const double coarse = loss(40, 0), fine = loss(80, 0);
    CHECK(fine < 1e-8);
    // Heun's step is wrong by h^3, its square by h^6
    CHECK(std::log2(coarse / fine) > 5);
    CHECK(loss(80, 0.5) > 100 * fine);

    o.method = diffusion::ode_method::euler;
    CHECK(std::log2(loss(40, 0) / loss(80, 0)) == doctest::Approx(4).epsilon(0.15));
}

TEST_CASE("the target takes no gradient: that of the loss is the answer's alone") {
    const auto set = gaussian(16);
    exact_net net, other;
    net.bias.change_values()[0] = other.bias.change_values()[0] = 0.5;
    const auto gradient = [&](auto& model) {
        model.prepare(set, {1, 0});
        nn::tape<double> tape;
        std::vector<double> g(net.store.values().size());
        tape.collect(net.store, g);
        tape.backward(model.loss(tape, set, 0, 16));
        return g[0];
    };
    consistency own(net, diffusion::constant_curriculum{.count = 10, .mu = 0},
                    diffusion::uniform_levels{}, options(0.6));
    consistency apart(net, other, diffusion::constant_curriculum{.count = 10, .mu = 0.9},
                      diffusion::uniform_levels{}, options(0.6));
    CHECK(gradient(own) == doctest::Approx(gradient(apart)).epsilon(1e-12));
    CHECK(std::abs(gradient(own)) > 1e-3);

    // by differences, with the target held where it was
    const auto loss = [&](double bias) {
        net.bias.change_values()[0] = bias;
        apart.prepare(set, {1, 0});
        nn::tape<double> tape;
        return apart.loss(tape, set, 0, 16).item();
    };
    const double slope = (loss(0.5 + 1e-5) - loss(0.5 - 1e-5)) / 2e-5;
    net.bias.change_values()[0] = 0.5;
    CHECK(gradient(apart) == doctest::Approx(slope).epsilon(1e-6));
}

TEST_CASE("the average follows the network by mu(k)") {
    exact_net net, average;
    net.bias.change_values()[0] = 2;
    const diffusion::consistency_curriculum plan{.total = 10, .first = 2, .last = 20};
    consistency model(net, average, plan, diffusion::uniform_levels{}, options(0.6));
    CHECK(average.bias.values()[0] == 2);
    net.bias.change_values()[0] = 3;
    model.follow({.step = 5});
    CHECK(average.bias.values()[0] == doctest::Approx(3 - plan.decay(4)).epsilon(1e-14));
}

TEST_CASE("consistency training turns noise into two points in one call") {
    diffusion::item_batch<float> set;
    set.shape = {100, 1, 1, 1};
    for (int i = 0; i < 100; ++i) set.values.push_back(i % 2 == 0 ? 1.0F : -1.0F);
    diffusion::in_memory<float> data(set);
    nn::mlp<float> net({.in = 1, .hidden = 32, .layers = 2, .out = 1, .time_channels = 16}, 1);
    constexpr std::size_t steps = 1500;
    consistency model(net, diffusion::doubling_curriculum{.total = steps, .first = 4, .last = 64},
                      diffusion::log_normal_levels{}, options(1));
    nn::lanes<float> lanes(1);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{5e-3, 10, steps},
                                {.batch = 64});
    training.run(steps / 2);
    const std::size_t before = support::allocations();
    training.run(steps / 2 + 10);  // within one stage nothing is allocated
    CHECK(support::allocations() == before);
    training.run(steps);
    training.average().swap();

    std::vector<float> x(400);
    const diffusion::edm_schedule schedule{floor_sigma, 10};
    const auto grid = diffusion::grid_of_sigmas(schedule, {10.0});
    diffusion::draw_prior(x, grid.front(), diffusion::gaussian_noise{4});
    diffusion::preconditioned denoise(nn::as_network(net, lanes, 1, 1), options(1).scaling,
                                      std::vector<float>(400));
    diffusion::sample(x, diffusion::multistep(diffusion::consistency_sampling{}, grid), denoise,
                      diffusion::gaussian_noise{5});
    std::size_t near = 0, above = 0;
    for (const float v : x) {
        near += std::abs(std::abs(v) - 1) < 0.25F;
        above += v > 0;
    }
    CHECK(near > 280);
    CHECK(above > 140);
    CHECK(above < 260);
}

TEST_CASE(
    "averages without a network, scalings that are no identity, and wrong labels are refused") {
    exact_net net, average;
    const diffusion::constant_curriculum averaged{.count = 10, .mu = 0.9};
    const diffusion::uniform_levels all;
    CHECK(support::is_complete(
        support::refusal([&] { consistency(net, averaged, all, options(1)); }), 0.9));
    consistency_options o = options(1);
    o.scaling.sigma_min = 0.02;
    CHECK(support::is_complete(
        support::refusal([&] { consistency(net, average, averaged, all, o); }), 0.02));
    o = options(1);
    o.c = -1;
    CHECK(support::is_complete(
        support::refusal([&] { consistency(net, average, averaged, all, o); }), -1.0));
    consistency own(net, diffusion::constant_curriculum{.count = 10, .mu = 0}, all, options(1));
    diffusion::item_batch<double> batch{{2, 1, 1, 1}, {0.5, 1}, {3}};
    CHECK(support::is_complete(support::refusal([&] { own.prepare(batch, {}); }), 1));
}
