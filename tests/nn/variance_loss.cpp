#include <doctest/doctest.h>
#include <diffusion/nn/variance_loss.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <diffusion/kernel/divergence.hpp>

namespace nn = diffusion::nn;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Two items: a step in the middle, and the one to clean data.
const std::vector<nn::variance_step> steps = {
    {.log_small = -4, .log_large = -2.5, .true_log = -4, .mean_error = 0.3},
    {.log_small = -6, .log_large = -3, .true_log = -infinity, .mean_error = -1}};
const std::vector<double> target = diffusion::test::normals(2 * 3 * 2, 5);
constexpr nn::shape both{2, 3, 1, 4};

}  // namespace

TEST_CASE("the loss of a variance is the divergence between posterior and model") {
    nn::tape<double> tape;
    const std::vector<double> x = diffusion::test::normals(both.size(), 6);
    const auto y =
        nn::variance_loss(tape.constant(both, x.data()), std::span(target), std::span(steps));
    double sum = 0;
    for (std::size_t i = 0; i < 12; ++i) {
        const std::size_t item = i / 6, at = i / 2 * 4 + i % 2;
        const nn::variance_step& s = steps[item];
        const double v = (1 + x[at + 2]) / 2;
        const double std_p = std::exp(0.5 * (v * s.log_large + (1 - v) * s.log_small));
        const double distance = s.mean_error * (x[at] - target[i]);
        // of the last step the likelihood
        sum += item == 0 ? diffusion::kl_divergence(0, std::exp(-2.0), distance, std_p)
                         : -diffusion::log_density(0, distance, std_p);
    }
    CHECK(y.item() == doctest::Approx(sum / 12).epsilon(1e-12));
}

TEST_CASE("the gradient of a variance's loss is right in v, and there is none in the prediction") {
    std::vector<double> x = diffusion::test::normals(both.size(), 6);
    const auto loss = [&](const nn::var<double>& in) {
        return nn::variance_loss(in, std::span<const double>(target),
                                 std::span<const nn::variance_step>(steps));
    };
    nn::tape<double> tape;
    const auto in = tape.input(both, x.data());
    tape.backward(loss(in));
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (i % 4 < 2) {
            CHECK(in.gradient()[i] == 0);
            continue;
        }
        const double middle = x[i], h = 1e-5;
        x[i] = middle + h;
        const double above = loss(tape.constant(both, x.data())).item();
        x[i] = middle - h;
        const double below = loss(tape.constant(both, x.data())).item();
        x[i] = middle;
        CHECK(in.gradient()[i] == doctest::Approx((above - below) / (2 * h)).epsilon(1e-7));
    }
}

TEST_CASE("the best variance is the posterior's and the square of the mean's error together") {
    const nn::variance_step step{
        .log_small = -4, .log_large = -2, .true_log = -4, .mean_error = 0.5};
    const double error = 0.3, d = 0.5 * error;
    const double best = std::log(std::exp(-4.0) + d * d);  // of the variance's logarithm
    const std::vector<double> x = {error, best + 3}, zero = {0};
    nn::tape<double> tape;
    const auto in = tape.input({1, 1, 1, 2}, x.data());
    tape.backward(nn::variance_loss(in, std::span<const double>(zero), std::span(&step, 1)));
    CHECK(std::abs(in.gradient()[1]) < 1e-15);
}

TEST_CASE("the bound's gradient is right in the prediction and in v, for all kinds of data") {
    std::vector<double> data = target;  // on 16 levels; those of the ends stand for what is beyond
    for (double& x : data) x = 2 * std::round(7.5 * (std::clamp(x, -1.0, 1.0) + 1)) / 15 - 1;
    const std::vector<double> weights = {0.7, 1.9};
    for (const std::size_t levels : std::initializer_list<std::size_t>{0, 16})
        for (const bool learned : {true, false})
            diffusion::test::check_gradient(
                {learned ? both : nn::shape{2, 3, 1, 2}}, [&](nn::tape<double>&, const auto& x) {
                    return nn::bound_loss<double>(
                        x[0], {.target = target, .steps = steps, .data = data, .weights = weights},
                        {.levels = levels});
                });
}

TEST_CASE("for data on levels the last step costs what their probabilities say") {
    const nn::variance_step last{
        .log_small = -7, .log_large = -5, .true_log = -infinity, .mean_error = 1};
    const std::vector<double> x_0 = {-1, 1, 3 / 127.5 - 1}, x = {-0.97, 0.9, -0.97};
    nn::tape<double> tape;
    std::vector<double> losses(1);
    const auto y = nn::bound_loss<double>(
        tape.constant({1, 3, 1, 1}, x.data()),
        {.target = x_0, .steps = std::span(&last, 1), .data = x_0, .losses = losses},
        {.levels = 256});
    double sum = 0;
    for (std::size_t e = 0; e < 3; ++e)
        sum -= diffusion::discretized_gaussian{}(x_0[e], x[e], std::exp(-3.5)) / 3;
    CHECK(y.item() == doctest::Approx(sum).epsilon(1e-13));
    CHECK(losses[0] == doctest::Approx(sum).epsilon(1e-13));
}

TEST_CASE("each item's loss is told without its weight, and the whole is the weighted mean") {
    const std::vector<double> x = diffusion::test::normals(both.size(), 6), weights = {0.5, 3};
    nn::tape<double> tape;
    std::vector<double> losses(2);
    const auto y = nn::bound_loss<double>(
        tape.constant(both, x.data()),
        {.target = target, .steps = steps, .weights = weights, .losses = losses});
    CHECK(y.item() == doctest::Approx((0.5 * losses[0] + 3 * losses[1]) / 2).epsilon(1e-13));
    const auto second = nn::bound_loss<double>(
        tape.constant({1, 3, 1, 4}, x.data() + 12),
        {.target = std::span(target).subspan(6), .steps = std::span(steps).subspan(1)});
    CHECK(losses[1] == doctest::Approx(second.item()).epsilon(1e-13));
}

TEST_CASE("the bound refuses what does not fit the prediction") {
    using support::is_complete;
    using support::refusal;
    nn::tape<double> tape;
    const std::vector<double> x(24), numbers(12);
    const auto call = [&](nn::bound_batch<double> batch, std::size_t levels = 0) {
        return refusal([&] {
            nn::bound_loss<double>(tape.constant(both, x.data()), batch, {.levels = levels});
        });
    };
    std::vector<double> room(3);
    CHECK(is_complete(call({.target = std::span(numbers).first(11), .steps = steps}), 11));
    CHECK(is_complete(call({.target = numbers, .steps = std::span(steps).first(1)}), 1));
    CHECK(is_complete(call({.target = numbers, .steps = steps}, 256), 0));
    CHECK(is_complete(call({.target = numbers, .steps = steps, .weights = room}), 3));
    CHECK(is_complete(call({.target = numbers, .steps = steps, .losses = room}), 3));
}

TEST_CASE("the loss of a variance refuses shapes that do not fit") {
    nn::tape<double> tape;
    const std::vector<double> x(24);
    const auto call = [&](const nn::shape& s, std::size_t targets, std::size_t items) {
        return nn::variance_loss(tape.constant(s, x.data()), std::span(target).first(targets),
                                 std::span(steps).first(items));
    };
    CHECK_THROWS_AS(call({2, 1, 2, 3}, 6, 2), std::invalid_argument);
    CHECK_THROWS_AS(call({2, 3, 1, 4}, 11, 2), std::invalid_argument);
    CHECK_THROWS_AS(call({2, 3, 1, 4}, 12, 1), std::invalid_argument);
}
