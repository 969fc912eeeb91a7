#include <doctest/doctest.h>
#include <diffusion/nn/time_embedding.hpp>
#include <nn/gradient_check.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using doctest::Approx;

TEST_CASE("the embedding of time is sines, then cosines, of a geometric ladder of frequencies") {
    nn::tape<double> tape;
    const std::array<double, 2> t = {3, 700};
    const auto e = nn::time_embedding(tape, 2, t, {.channels = 6});
    const auto f = [](int i) { return std::pow(10000.0, -i / 3.0); };
    for (std::size_t n = 0; n < 2; ++n)
        for (int i = 0; i < 3; ++i) {
            const std::size_t at = 6 * n + static_cast<std::size_t>(i);
            CHECK(e.data()[at] == Approx(std::sin(f(i) * t[n])).epsilon(1e-12));
            CHECK(e.data()[at + 3] == Approx(std::cos(f(i) * t[n])).epsilon(1e-12));
        }
}

TEST_CASE("order, ladder and unit of the embedding of time are options") {
    nn::tape<double> tape;
    const double t = 0.25;
    const std::span<const double> times(&t, 1);
    const auto swapped = nn::time_embedding(tape, 2, times, {.channels = 4, .cosine_first = true});
    const auto plain = nn::time_embedding(tape, 2, times, {.channels = 4});
    CHECK(swapped.data()[0] == plain.data()[2]);
    CHECK(swapped.data()[4] == plain.data()[6]);  // one time serves all items
    const auto reach = nn::time_embedding(tape, 1, times, {.channels = 4, .reach_longest = true});
    CHECK(reach.data()[1] == Approx(std::sin(t / 10000)).epsilon(1e-12));
    const auto scaled = nn::time_embedding(tape, 1, times, {.channels = 4, .factor = 1000});
    CHECK(scaled.data()[0] == Approx(std::sin(250.0)).epsilon(1e-12));
    CHECK_THROWS_AS(nn::time_embedding(tape, 1, times, {.channels = 5}), std::invalid_argument);
    CHECK_THROWS_AS(nn::time_embedding(tape, 1, std::span<const double>(), {.channels = 4}),
                    std::invalid_argument);
    CHECK_THROWS_AS(nn::time_embedding(tape, 1, times, {.channels = 2, .reach_longest = true}),
                    std::invalid_argument);
}

TEST_CASE("Fourier features are sines and cosines of random multiples of a turn") {
    nn::parameters<double> store(7);
    const nn::fourier_embedding_layer<double> layer(store, "t", 6, 2.0);
    CHECK(layer.weight.info().frozen);
    const auto f = layer.weight.values();
    const std::array<double, 2> t = {0.3, -1.7};
    nn::tape<double> tape;
    const auto e = layer(tape, 2, t);
    const auto c = nn::fourier_embedding(tape.use(layer.weight), 2, t, true);
    CHECK(e.shape() == nn::shape{2, 1, 1, 6});
    const double turn = 2 * std::acos(-1.0);
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t i = 0; i < 3; ++i) {
            CHECK(e.data()[6 * n + i] == Approx(std::sin(turn * f[i] * t[n])).epsilon(1e-13));
            CHECK(e.data()[6 * n + 3 + i] == Approx(std::cos(turn * f[i] * t[n])).epsilon(1e-13));
            CHECK(c.data()[6 * n + i] == e.data()[6 * n + 3 + i]);
            CHECK(c.data()[6 * n + 3 + i] == e.data()[6 * n + i]);
        }
    for (const bool cosine_first : {false, true}) {
        diffusion::test::check_gradient({{1, 1, 1, 5}}, [&](auto&, const auto& v) {
            return nn::fourier_embedding(v[0], 2, t, cosine_first);
        });
        diffusion::test::check_gradient({{1, 1, 1, 5}}, [&](auto&, const auto& v) {
            return nn::fourier_embedding(v[0], 3, std::span<const double>(t).first(1),
                                         cosine_first);
        });
    }
    CHECK_THROWS_AS(layer(tape, 3, t), std::invalid_argument);
    CHECK_THROWS_AS(nn::fourier_embedding_layer<double>(store, "odd", 5), std::invalid_argument);
    CHECK_THROWS_AS(nn::fourier_embedding_layer<double>(store, "none", 0), std::invalid_argument);
}
