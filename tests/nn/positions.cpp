#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/positions.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace nn = diffusion::nn;

TEST_CASE("positions have sines and cosines of frequencies from 1 down to 1/10000") {
    nn::tape<double> tape;
    const auto y = nn::sincos_positions(tape, 5, 4);
    REQUIRE(y.shape() == nn::shape{1, 1, 5, 4});
    CHECK(y.data()[4 * 3] == doctest::Approx(std::sin(3.0)));
    CHECK(y.data()[4 * 3 + 1] == doctest::Approx(std::sin(0.03)));
    CHECK(y.data()[4 * 3 + 2] == doctest::Approx(std::cos(3.0)));
    CHECK(y.data()[4 * 3 + 3] == doctest::Approx(std::cos(0.03)));
}

TEST_CASE("two positions are as far apart as their distance says, wherever they are") {
    nn::tape<double> tape;
    const std::size_t channels = 10;
    const auto y = nn::sincos_positions(tape, 40, channels);
    const auto product = [&](std::size_t p, std::size_t q) {
        double sum = 0;
        for (std::size_t c = 0; c < channels; ++c)
            sum += y.data()[p * channels + c] * y.data()[q * channels + c];
        return sum;
    };
    CHECK(product(0, 7) == doctest::Approx(product(31, 38)));
    CHECK(product(0, 0) == doctest::Approx(5));
    CHECK(product(20, 22) < product(20, 21));
}

TEST_CASE("on a grid the first half of the channels says the column, the second the row") {
    nn::tape<double> tape;
    const auto y = nn::sincos_positions(tape, 3, 5, 8);
    REQUIRE(y.shape() == nn::shape{1, 3, 5, 8});
    const auto columns = nn::sincos_positions(tape, 5, 4), rows = nn::sincos_positions(tape, 3, 4);
    bool equal = true;
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 5; ++j) {
            const double* at = y.data() + (i * 5 + j) * 8;
            equal &= std::equal(at, at + 4, columns.data() + j * 4);
            equal &= std::equal(at + 4, at + 8, rows.data() + i * 4);
        }
    CHECK(equal);
}

TEST_CASE("a table is added to every item, and its gradient is the sum of theirs") {
    using diffusion::test::check_gradient;
    check_gradient({{3, 1, 5, 2}, {1, 1, 5, 2}},
                   [](auto&, const auto& v) { return nn::add_to_items(v[0], v[1]); });
    check_gradient({{2, 3, 1, 1}, {1, 1, 1, 3}}, [](auto&, const auto& v) {  // several readers
        return nn::add(nn::add_to_items(v[0], nn::scale(v[1], 2.0)),
                       nn::add_to_items(nn::scale(v[0], 3.0), v[1]));
    });
}

TEST_CASE("positions that cannot be made or added are refused") {
    nn::tape<double> tape;
    CHECK(support::is_complete(
        support::refusal([&] { nn::sincos_positions(tape, 3, std::size_t{5}); })));
    CHECK(support::refusal([&] { nn::sincos_positions(tape, 3, 3, 6); }) ==
          "diffusion::nn::sincos_positions: the channels must be a multiple of 4, got 6");
    const std::array<double, 6> x{};
    const auto a = tape.constant({1, 1, 3, 2}, x.data()), b = tape.constant({1, 1, 2, 2}, x.data());
    CHECK(support::refusal([&] { nn::add_to_items(a, b); }) ==
          "diffusion::nn::add_to_items: the table must have as many elements as an item of the "
          "value, got (1, 1, 2, 2) and (1, 1, 3, 2)");
}
