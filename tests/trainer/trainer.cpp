#define SUPPORT_COUNTING_NEW_IMPLEMENTATION  // for the whole of test_trainer
#include "circle.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <support/counting_new.hpp>
#include <support/refusal.hpp>

#include <diffusion/trainer/in_worker.hpp>
#include <diffusion/trainer/observers.hpp>

namespace nn = diffusion::nn;

namespace {

/// A model that is none of ours: y = a x + b by hand, trained on items (x, y).
struct line {
    nn::parameters<double> store{1};
    nn::parameter<double> a = store.add("a", {1}, nn::parameter_layout::plain, {}),
                          b = store.add("b", {1}, nn::parameter_layout::plain, {});
    double poison = 0;

    nn::parameters<double>& parameters() { return store; }
    double loss_and_gradient(const diffusion::item_batch<double>& batch) {
        double loss = 0, da = 0, db = 0;
        const double n = static_cast<double>(batch.items());
        for (std::size_t i = 0; i < batch.items(); ++i) {
            const double x = batch.values[2 * i];
            const double r = a.values()[0] * x + b.values()[0] - batch.values[2 * i + 1] + poison;
            loss += r * r / n;
            da += 2 * r * x / n;
            db += 2 * r / n;
        }
        a.gradient()[0] = da;
        b.gradient()[0] = db;
        return loss;
    }
    double loss_of(const diffusion::item_batch<double>& batch) { return loss_and_gradient(batch); }
};

diffusion::item_batch<double> points_of_a_line() {
    diffusion::item_batch<double> set;
    set.shape = {20, 1, 1, 2};
    for (int i = 0; i < 20; ++i) {
        const double x = 0.1 * i - 1;
        set.values.push_back(x);
        set.values.push_back(3 * x - 2);
    }
    return set;
}

using lines = diffusion::in_memory<double>;
const auto constant_rate = [](std::size_t) { return 0.05; };

}  // namespace

TEST_CASE("a training gives the same bits for any number of threads") {
    circle::setup<> one;
    std::vector<double> losses;
    const auto note = [&](const diffusion::step_report& report) { losses.push_back(report.loss); };
    one.training.run(6, note);
    const auto expected = circle::state(one.training);
    for (const std::size_t threads : {2U, 3U, 8U}) {
        INFO(threads, " threads");
        circle::setup<> many(threads);
        std::vector<double> other;
        many.training.run(
            6, [&](const diffusion::step_report& report) { other.push_back(report.loss); });
        CHECK(other == losses);
        CHECK(circle::state(many.training) == expected);
    }
    circle::setup<> another(1, [] {
        auto o = circle::options();
        o.seed = 6;
        return o;
    }());
    another.training.run(6);
    CHECK(circle::state(another.training) != expected);
}

TEST_CASE("a training learns: the loss of points that were not seen falls") {
    auto options = circle::options();
    options.batch = 64;
    circle::setup<> s(1, options);
    diffusion::item_batch<float> between = circle::points();
    for (std::size_t i = 0; i < 100; ++i) {
        const double angle = 0.2 * static_cast<double>(i) + 0.1;
        between.values[2 * i] = static_cast<float>(2 + std::cos(angle));
        between.values[2 * i + 1] = static_cast<float>(std::sin(angle));
    }
    diffusion::in_memory<float> others(between);
    diffusion::validation held_out(others, 50, 4);
    const double before = held_out(s.training);
    s.training.run(400);
    const double after = held_out(s.training);
    CHECK(before > 1.5);  // v^2 is 1 + 2.5 on average, of which the start knows nothing
    CHECK(after < 0.4 * before);
}

TEST_CASE("held-out loss is repeatable, the same for all threads, and leaves the training alone") {
    circle::setup<> one, three(3), undisturbed;
    diffusion::validation a(one.data, 21, 2, 9), b(three.data, 21, 2, 9);
    std::vector<double> of_one, of_three;
    one.training.run(4, [&](auto& t, const diffusion::step_report&) {
        of_one.push_back(a(t));
        CHECK(a(t) == of_one.back());
    });
    three.training.run(4,
                       [&](auto& t, const diffusion::step_report&) { of_three.push_back(b(t)); });
    undisturbed.training.run(4);
    CHECK(of_one.size() == 4);
    CHECK(of_one[0] != of_one[3]);
    CHECK(of_one == of_three);
    CHECK(circle::state(one.training) == circle::state(undisturbed.training));
}

TEST_CASE("a foreign model with a gradient of its own is trained to the solution") {
    line model;
    const auto set = points_of_a_line();
    lines data(set);
    nn::lanes<double> lanes(1);
    diffusion::trainer training(model, data, lanes, nn::warmup_cosine{0.05, 1, 2000}, {.batch = 8});
    training.run(2000);
    CHECK(model.a.values()[0] == doctest::Approx(3).epsilon(1e-6));
    CHECK(model.b.values()[0] == doctest::Approx(-2).epsilon(1e-6));
    diffusion::validation held_out(data, 20, 1);
    CHECK(held_out(training) < 1e-10);
    static_assert(diffusion::trainable<line, diffusion::item_batch<double>>);
    static_assert(!diffusion::trainable<line, diffusion::item_batch<float>>);
    static_assert(!diffusion::trainable<lines, diffusion::item_batch<double>>);
}

TEST_CASE("the gradients of the batches of a step are averaged") {
    line model, twin;
    const auto set = points_of_a_line();
    lines data(set);
    nn::lanes<double> lanes(1);
    diffusion::trainer training(
        model, data, lanes, constant_rate,
        {.batch = 4, .accumulate = 3, .clip = std::numeric_limits<double>::infinity(), .seed = 7});
    training.step();
    std::copy(model.store.values().begin(), model.store.values().end(),
              twin.store.change_values().begin());
    const diffusion::step_report report = training.step();  // batches 3, 4 and 5
    auto batch = data.init(4);
    double loss = 0, a = 0, b = 0;
    for (std::uint64_t k = 3; k < 6; ++k) {
        data.fill(batch, {7, k});
        loss += twin.loss_and_gradient(batch) / 3;
        a += twin.a.gradient()[0] / 3;
        b += twin.b.gradient()[0] / 3;
    }
    CHECK(report.loss == doctest::Approx(loss).epsilon(1e-14));
    CHECK(model.a.gradient()[0] == doctest::Approx(a).epsilon(1e-14));
    CHECK(model.b.gradient()[0] == doctest::Approx(b).epsilon(1e-14));
    CHECK(report.gradient_norm == doctest::Approx(std::hypot(a, b)).epsilon(1e-14));
    CHECK(report.step == 2);
    CHECK(report.items == 24);
    CHECK(report.rate == 0.05);
}

TEST_CASE("a long gradient is shortened") {
    line model;
    const auto set = points_of_a_line();
    lines data(set);
    nn::lanes<double> lanes(1);
    diffusion::trainer training(model, data, lanes, constant_rate, {.batch = 4, .clip = 0.25});
    CHECK(training.step().gradient_norm > 1);
    CHECK(std::hypot(model.a.gradient()[0], model.b.gradient()[0]) ==
          doctest::Approx(0.25).epsilon(1e-14));
}

TEST_CASE("after the first step a training allocates nothing") {
    circle::setup<> plain;
    circle::setup<diffusion::in_worker<diffusion::in_memory<float>>> beside;
    const auto count = [](auto& s) {
        std::size_t before = support::allocations();
        s.training.step();
        const std::size_t first = support::allocations() - before;
        before = support::allocations();
        s.training.run(20, [](const diffusion::step_report&) {});
        CHECK(first > 0);
        return support::allocations() - before;
    };
    CHECK(count(plain) == 0);
    CHECK(count(beside) == 0);
}

TEST_CASE("observers are called after each step, and any of them can end a run") {
    circle::setup<> s;
    std::vector<std::uint64_t> first, second, third;
    const auto last = s.training.run(
        10,
        [&](const diffusion::step_report& r) {
            first.push_back(r.step);
            return r.step != 7;
        },
        diffusion::every(3, [&](const diffusion::step_report& r) { second.push_back(r.step); }),
        [&](auto& t, const diffusion::step_report&) { third.push_back(t.steps()); });
    CHECK(first == std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7});
    CHECK(second == std::vector<std::uint64_t>{3, 6});
    CHECK(third == first);
    CHECK(last.step == 7);
    CHECK(s.training.run(7, [&](const diffusion::step_report&) { first.clear(); }).step == 7);
    CHECK(first.size() == 7);
    s.training.run(10, diffusion::every(2, [&](const diffusion::step_report& r) {
                       second.push_back(r.step);
                       return false;
                   }));
    CHECK(s.training.steps() == 8);
    CHECK(second.back() == 8);
}

TEST_CASE("a loss that is not finite stops the training before it does harm") {
    line model;
    const auto set = points_of_a_line();
    lines data(set);
    nn::lanes<double> lanes(1);
    diffusion::trainer training(model, data, lanes, constant_rate, {.batch = 4});
    training.step();
    const double a = model.a.values()[0];
    model.poison = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH_AS(training.step(),
                         "diffusion::trainer: the loss or its gradient is not finite in step 1",
                         std::runtime_error);
    CHECK(model.a.values()[0] == a);
    CHECK(training.steps() == 1);
    model.poison = 0;
    training.step();
    CHECK(training.steps() == 2);
    CHECK(model.a.values()[0] != a);
}

TEST_CASE("a trainer refuses impossible options") {
    const auto refused = [](auto change) {
        auto options = circle::options();
        change(options);
        return support::refusal([&] { circle::setup<> s(1, options); });
    };
    using o = diffusion::trainer_options;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(support::is_complete(refused([](o& x) { x.batch = 0; }), 0));
    CHECK(support::is_complete(refused([](o& x) { x.accumulate = 0; }), 0));
    CHECK(support::is_complete(refused([](o& x) { x.clip = -1; }), -1.0));
    CHECK(support::is_complete(refused([&](o& x) { x.clip = nan; }), nan));
    CHECK(support::is_complete(refused([](o& x) { x.adam.beta1 = 1; }), 1.0));
    CHECK(support::is_complete(refused([](o& x) { x.average.decay = 2; }), 2.0));
    circle::setup<> s;
    CHECK(support::is_complete(
        support::refusal([&] { diffusion::validation held_out(s.data, 0, 1); }), 0));
    CHECK(support::is_complete(
        support::refusal([&] { diffusion::validation held_out(s.data, 1, 0); }), 0));
    CHECK(support::is_complete(
        support::refusal([] { diffusion::every(0, [](const diffusion::step_report&) {}); }), 0));
    CHECK(support::is_complete(support::refusal([&] {
                                   diffusion::denoising model(s.net, circle::schedule{},
                                                              {.dropped_labels = 1.5});
                               }),
                               1.5));
}
