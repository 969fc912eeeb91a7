#include <doctest/doctest.h>
#include <diffusion/nn/attention.hpp>
#include <diffusion/nn/attention_map.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using map_of = nn::attention_map<double>;

namespace {

constexpr nn::shape pixels{2, 7, 9, 6}, text{2, 1, 5, 12};  // 63 positions: two blocks of queries
constexpr std::size_t heads = 2;

/// Cross-attention of fixed numbers, and its way back.
struct attention_example {
    std::vector<double> q = diffusion::test::normals(pixels.size(), 1);
    std::vector<double> kv = diffusion::test::normals(text.size(), 2);
    nn::tape<double> tape;

    nn::var<double> operator()(const nn::attention_options<double>& o = {.name = "here"}) {
        return nn::cross_attention(tape.constant(pixels, q.data()), tape.constant(text, kv.data()),
                                   heads, o);
    }

    /// The result and the gradients of q and kv, with f called for each map.
    template <class F>
    std::vector<double> all(F&& f) {
        const nn::attention_hook hook(tape, f);
        return all();
    }
    std::vector<double> all() {
        const auto a = tape.input(pixels, q.data()), b = tape.input(text, kv.data());
        const auto y = nn::cross_attention(a, b, heads);
        std::vector<double> numbers(y.values().begin(), y.values().end());
        tape.backward(y, y.values());
        for (const auto& v : {a, b})
            numbers.insert(numbers.end(), v.gradient().begin(), v.gradient().end());
        return numbers;
    }
};

}  // namespace

TEST_CASE("a hook sees the map of each item and head, whose rows sum to 1") {
    attention_example example;
    std::vector<std::size_t> order;
    double worst = 0;
    {
        const nn::attention_hook hook(example.tape, [&](const map_of& map) {
            order.push_back(map.item * heads + map.head);
            CHECK(map.layer == "here");
            CHECK(map.height == 7);
            CHECK(map.width == 9);
            REQUIRE(map.weights.size() == map.rows() * map.columns);
            for (std::size_t i = 0; i < map.rows(); ++i) {
                double sum = 0;
                for (double w : map.row(i)) {
                    sum += w;
                    worst = support::worse(worst, -w);
                }
                worst = support::worse(worst, std::abs(sum - 1));
            }
        });
        example();
    }
    CHECK(order == std::vector<std::size_t>{0, 1, 2, 3});
    CHECK(worst < 1e-15);
    example();  // the hook is gone
    CHECK(order.size() == 4);
}

TEST_CASE("the result is the map times the values") {
    attention_example example;
    std::vector<double> expected(pixels.size());
    const nn::attention_hook hook(example.tape, [&](const map_of& map) {
        for (std::size_t i = 0; i < map.rows(); ++i)
            for (std::size_t j = 0; j < map.columns; ++j)
                for (std::size_t c = 0; c < 3; ++c)
                    expected[(map.item * map.rows() + i) * 6 + 3 * map.head + c] +=
                        map.row(i)[j] *
                        example.kv[(map.item * map.columns + j) * 12 + 6 + 3 * map.head + c];
    });
    const auto y = example();
    double worst = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
        worst = support::worse(worst, std::abs(y.data()[i] - expected[i]));
    CHECK(worst < 1e-14);
}

TEST_CASE("to look at maps, or to put the same map in its place, changes no bit") {
    attention_example example;
    const std::vector<double> plain = example.all();
    CHECK(example.all([](const map_of&) {}) == plain);
    CHECK(example.all([](const map_of& map) {
        const std::vector<double> same(map.weights.begin(), map.weights.end());
        std::fill(map.weights.begin(), map.weights.end(), 0.5);
        std::copy(same.begin(), same.end(), map.weights.begin());
    }) == plain);
    std::vector<double> without_gradient;
    {
        const nn::attention_hook hook(example.tape, [](const map_of&) {});
        const auto y = example();
        without_gradient.assign(y.values().begin(), y.values().end());
    }
    CHECK(std::equal(without_gradient.begin(), without_gradient.end(), plain.begin()));
}

TEST_CASE("a token with weight 0 and the rest brought back to sum 1 is a token that is masked") {
    attention_example example;
    constexpr std::size_t token = 3;
    std::vector<double> reweighted;
    {
        const nn::attention_hook hook(example.tape, [&](const map_of& map) {
            for (std::size_t i = 0; i < map.rows(); ++i) {
                const double rest = 1 - map.row(i)[token];
                for (double& w : map.row(i)) w /= rest;
                map.row(i)[token] = 0;
            }
        });
        const auto y = example();
        reweighted.assign(y.values().begin(), y.values().end());
    }
    const std::vector<double> mask = {1, 1, 1, 0, 1, 1, 1, 1, 0, 1};
    const auto masked = example({.mask = example.tape.constant({2, 1, 5, 1}, mask.data())});
    double worst = 0;
    for (std::size_t i = 0; i < masked.size(); ++i)
        worst = support::worse(worst, std::abs(masked.data()[i] - reweighted[i]));
    CHECK(worst < 1e-13);
}

TEST_CASE("an item can be given the maps of another, as in prompt-to-prompt") {
    attention_example example;
    std::vector<std::vector<double>> kept(heads);
    std::copy_n(example.q.data(), pixels.size() / 2, example.q.data() + pixels.size() / 2);
    const std::size_t half = text.size() / 2;
    std::vector<double> other(example.kv.begin() + static_cast<std::ptrdiff_t>(half),
                              example.kv.end());
    const nn::attention_hook hook(example.tape, [&](const map_of& map) {
        if (map.item == 0) {
            kept[map.head].assign(map.weights.begin(), map.weights.end());
        } else {
            std::copy(kept[map.head].begin(), kept[map.head].end(), map.weights.begin());
        }
    });
    const auto y = example();
    // the keys of item 1 play no part any more
    for (std::size_t p = 0; p < 5; ++p)
        for (std::size_t c = 0; c < 6; ++c) example.kv[half + p * 12 + c] = 9;
    const auto z = example();
    CHECK(std::ranges::equal(y.values(), z.values()));
    CHECK(!std::equal(y.data(), y.data() + y.size() / 2, y.data() + y.size() / 2));
}

TEST_CASE("to the gradient, a weight that was changed is a constant, and the others are weights") {
    // the second half of each map is replaced: finite differences see the same function
    const auto edited = [](auto& tape, const auto& v) {
        const nn::attention_hook hook(tape, [](const map_of& map) {
            for (std::size_t i = map.weights.size() / 2; i < map.weights.size(); ++i)
                map.weights[i] = 0.01 * static_cast<double>(i + map.item);
        });
        return nn::cross_attention(v[0], v[1], 2);
    };
    check_gradient({{2, 3, 1, 4}, {2, 1, 5, 8}}, edited);
    check_gradient({{1, 53, 1, 4}, {1, 1, 3, 8}}, edited);
    check_gradient({{1, 3, 2, 9}}, [](auto& tape, const auto& v) {
        const nn::attention_hook hook(tape, [](const map_of& map) { map.row(1)[2] = 0.7; });
        return nn::self_attention(v[0], 3, {.causal = true});
    });
}

TEST_CASE("the inner of two hooks is the one that is called") {
    attention_example example;
    int outer = 0, inner = 0;
    const nn::attention_hook first(example.tape, [&](const map_of&) { ++outer; });
    {
        const nn::attention_hook second(example.tape, [&](const map_of&) { ++inner; });
        example();
    }
    CHECK(outer == 0);
    CHECK(inner == 4);
    example();
    CHECK(outer == 4);
}
