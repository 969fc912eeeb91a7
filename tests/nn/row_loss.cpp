#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/row_loss.hpp>
#include <nn/gradient_check.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// (1 + p) times the product of the row's sines.
double product(std::size_t p, std::span<const double> row, std::span<double> slope) {
    double all = 1.0 + static_cast<double>(p);
    for (const double value : row) all *= std::sin(value);
    for (std::size_t c = 0; c < slope.size(); ++c) slope[c] = all / std::tan(row[c]);
    return all;
}

}  // namespace

TEST_CASE("a loss of rows is the mean of what the function says of each") {
    const std::vector<double> x = {1, 2, 3, -1, 0.5, 4};
    nn::tape<double> tape;
    const auto y = nn::row_loss(tape.constant({1, 3, 1, 2}, x.data()), product);
    const double expected =
        std::sin(1) * std::sin(2) - 2 * std::sin(3) * std::sin(1) + 3 * std::sin(0.5) * std::sin(4);
    CHECK(y.item() == doctest::Approx(expected / 3).epsilon(1e-14));
}

TEST_CASE("a loss of rows passes their slopes on, to values with other readers as well") {
    diffusion::test::check_gradient({{2, 2, 1, 3}}, [](auto&, const auto& v) {
        return nn::add(nn::row_loss(v[0], product), nn::row_loss(v[0], product));
    });
}

TEST_CASE("no slopes are asked for where none are wanted") {
    const std::vector<double> x = {1, 2};
    nn::tape<double> tape;
    bool asked = false;
    const auto look = [&](std::size_t, std::span<const double>, std::span<double> slope) {
        asked = asked || !slope.empty();
        return 0.0;
    };
    nn::row_loss(tape.constant({1, 1, 1, 2}, x.data()), look);
    CHECK(!asked);
    nn::row_loss(tape.input({1, 1, 1, 2}, x.data()), look);
    CHECK(asked);
}
