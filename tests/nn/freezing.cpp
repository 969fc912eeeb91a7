#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/ema.hpp>
#include <diffusion/nn/embedding.hpp>
#include <diffusion/nn/linear.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// A net of three layers with classes, on fixed data, and everything that trains it.
struct training {
    static constexpr std::size_t items = 9;
    nn::mlp<double> net{{.hidden = 8, .classes = 4}, 1};
    nn::lanes<double> lanes{nn::lanes_options{.threads = 2, .lanes = 3}};
    nn::adamw<double> optimizer{net.parameters()};
    nn::ema<double> average{net.parameters()};
    std::vector<double> x = diffusion::test::normals(2 * items, 1);
    std::vector<double> target = diffusion::test::normals(2 * items, 2);
    std::vector<double> t = std::vector<double>(items, 7);
    std::vector<std::size_t> labels = {0, 1, 2, 3, 4, 3, 2, 1, 0};
    std::vector<std::size_t> recorded = std::vector<std::size_t>(items);

    training() {  // the last layer starts at zero, and would pass no gradient on
        const auto w = net.parameters().at("out.weight").change_values();
        std::ranges::copy(diffusion::test::normals(w.size(), 3), w.begin());
        nn::ema<double> same(net.parameters());
        average.restore(0, same.values());
    }
    void step() {
        lanes.train(net.parameters(), items,
                    [&](nn::tape<double>& tape, std::size_t first, std::size_t count) {
                        const auto y =
                            net(tape.constant({count, 1, 1, 2}, x.data() + 2 * first),
                                std::span<const double>(t).first(count),
                                std::span<const std::size_t>(labels).subspan(first, count));
                        recorded[first] = tape.recorded();
                        return nn::mse_loss(
                            y, std::span<const double>(target).subspan(2 * first, 2 * count));
                    });
        nn::clip_gradient(net.parameters(), 0.1);
        optimizer.step(1e-2);
        average.update();
    }

    /// Everything that is known of a parameter: value, gradient, moments, average.
    std::vector<std::vector<double>> state(std::string_view name) {
        const nn::parameter_info& p = net.parameters().at(name).info();
        std::vector<std::vector<double>> all;
        const auto take = [&](std::span<const double> values) {
            const auto part = values.subspan(p.offset, p.size);
            all.emplace_back(part.begin(), part.end());
        };
        take(std::as_const(net.parameters()).values());
        take(net.parameters().gradient());
        take(optimizer.first_moment());
        take(optimizer.second_moment());
        take(average.values());
        return all;
    }
};

bool all_zero(std::span<const double> x) {
    return std::ranges::all_of(x, [](double v) { return v == 0; });
}

}  // namespace

TEST_CASE(
    "training leaves every bit of what is frozen, records less, and goes on when it is thawed") {
    training t;
    t.step();
    const std::size_t all = t.recorded[0];
    t.net.parameters().freeze("te");
    t.net.parameters().freeze("label");
    t.net.parameters().freeze("layer.0");
    t.net.parameters().freeze("layer.*.bias");
    t.step();
    CHECK(t.recorded[0] + 10 == all);  // no adjoint of what comes before layer.1
    const auto still = t.state("te.0.weight"), bias = t.state("layer.2.bias"),
               moves = t.state("out.weight");
    CHECK(all_zero(still[1]));
    CHECK(all_zero(bias[1]));
    CHECK(!all_zero(moves[1]));
    for (int i = 0; i < 3; ++i) t.step();
    CHECK(t.state("te.0.weight") == still);
    CHECK(t.state("layer.2.bias") == bias);
    for (std::size_t k = 0; k < 5; ++k) CHECK(t.state("out.weight")[k] != moves[k]);
    t.net.parameters().thaw("*");
    t.step();
    CHECK(t.recorded[0] == all);
    for (std::size_t k = 0; k < 5; ++k) CHECK(t.state("te.0.weight")[k] != still[k]);
}

TEST_CASE("one row of a table is learned while everything else is frozen") {
    training t;
    t.step();
    nn::parameters<double>& store = t.net.parameters();
    store.freeze("*");
    store.thaw_row("label.weight", 2);
    t.step();
    std::vector<std::vector<std::vector<double>>> before;
    for (const nn::parameter_info& p : store.list()) before.push_back(t.state(p.name));
    for (int i = 0; i < 3; ++i) t.step();
    for (std::size_t i = 0; i < store.size(); ++i) {
        INFO(store.info(i).name);
        const auto after = t.state(store.info(i).name);
        if (store.info(i).name != "label.weight") {
            CHECK(all_zero(after[1]));
            CHECK(after == before[i]);
            continue;
        }
        for (std::size_t k = 0; k < 5; ++k)  // value, gradient, moments, average
            for (std::size_t row = 0; row < 5; ++row) {
                const auto first = static_cast<std::ptrdiff_t>(8 * row);
                const bool same = std::equal(after[k].begin() + first, after[k].begin() + first + 8,
                                             before[i][k].begin() + first);
                CHECK(same == (row != 2));
                if (k == 1 && row != 2) CHECK(all_zero(std::span(after[1]).subspan(8 * row, 8)));
            }
    }
    CHECK(nn::gradient_norm(store) <= 0.1 * (1 + 1e-12));
    CHECK_THROWS_AS(store.thaw_row("label.weight", 5), std::invalid_argument);
    CHECK_THROWS_AS(store.thaw_row("out.bias", 0), std::invalid_argument);
}

TEST_CASE(
    "a vector from outside is learned through a frozen net, whose other inputs cost no adjoint") {
    nn::parameters<double> store(1);
    const nn::embedding_layer<double> words(store, "words", 6, 4);
    const nn::linear_layer<double> first(store, "first", 4, 5), second(store, "second", 5, 1);
    store.freeze("*");
    const std::vector<std::size_t> caption = {5};
    const std::vector<double> vector = {0.1, -0.4, 0.3, 0.7};
    nn::tape<double> tape;
    std::vector<double> gradient(store.values().size());
    tape.collect(store, gradient);
    const auto run = [&](bool learn) {
        const auto fixed = first(words(tape, 1, caption));
        CHECK(tape.recorded() == 0);
        const auto v = learn ? tape.input({1, 1, 1, 4}, vector.data())
                             : tape.constant({1, 1, 1, 4}, vector.data());
        const auto y = second(nn::add(first(v), fixed));
        return std::pair(v, y);
    };
    CHECK(!run(false).second.needs_gradient());
    const auto [v, y] = run(true);
    CHECK(tape.recorded() > 0);
    tape.backward(y);
    CHECK(v.gradient().size() == 4);
    CHECK(!all_zero(v.gradient()));
    CHECK(all_zero(gradient));
}
