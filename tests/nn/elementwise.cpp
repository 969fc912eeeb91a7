#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>

#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("the gradient of a sum goes to both terms") {
    check_gradient({{2, 3, 1, 5}, {2, 3, 1, 5}},
                   [](auto&, const auto& v) { return nn::add(v[0], v[1]); });
    check_gradient({{2, 3, 1, 5}}, [](auto&, const auto& v) {
        return nn::add(nn::add(nn::scale(v[0], 3.0), v[0]), v[0]);
    });
}

TEST_CASE("FiLM scales and shifts each channel of each item, with gradients to all three") {
    check_gradient({{2, 3, 2, 5}, {2, 1, 1, 5}, {2, 1, 1, 5}},
                   [](auto&, const auto& v) { return nn::scale_shift(v[0], v[1], v[2]); });
    check_gradient({{3, 1, 2, 4}, {3, 1, 1, 4}}, [](auto&, const auto& v) {
        return nn::scale_shift(v[0], nn::var<double>(), v[1]);
    });
}

TEST_CASE("SPADE scales and shifts each position by its own numbers") {
    const nn::shape s{2, 3, 1, 5};
    check_gradient({s, s, s}, [](auto&, const auto& v) {
        return nn::add(nn::scale_shift(v[0], v[1], v[2]), v[0]);
    });
    nn::tape<double> tape;
    const std::vector<double> x = {2, 3}, a = {4, -1}, b = {0.5, 7};
    const nn::shape two{1, 2, 1, 1};
    const auto y = nn::scale_shift(tape.constant(two, x.data()), tape.constant(two, a.data()),
                                   tape.constant(two, b.data()));
    CHECK(y.data()[0] == 10.5);
    CHECK(y.data()[1] == 7);
}

TEST_CASE("a product of elements, or with one number for each channel") {
    diffusion::test::check_gradient({{2, 3, 1, 5}, {2, 3, 1, 5}},
                                    [](auto&, const auto& v) { return nn::multiply(v[0], v[1]); });
    diffusion::test::check_gradient({{2, 3, 1, 5}, {1, 1, 1, 5}},
                                    [](auto&, const auto& v) { return nn::multiply(v[0], v[1]); });
    diffusion::test::check_gradient({{2, 1, 1, 3}},
                                    [](auto&, const auto& v) { return nn::multiply(v[0], v[0]); });
    nn::tape<double> tape;
    const std::vector<double> x(6, 1.0);
    CHECK_THROWS_AS(
        nn::multiply(tape.constant({1, 1, 2, 3}, x.data()), tape.constant({1, 1, 1, 2}, x.data())),
        std::invalid_argument);
}

TEST_CASE("a scale or shift of another shape is refused with both shapes") {
    nn::tape<double> tape;
    const std::vector<double> x(12, 1.0);
    const auto v = tape.constant({2, 3, 1, 2}, x.data());
    const auto row = tape.constant({2, 1, 1, 2}, x.data());
    const auto wrong = tape.constant({1, 3, 1, 2}, x.data());
    CHECK_THROWS_WITH_AS(nn::scale_shift(v, row, wrong),
                         "diffusion::nn::scale_shift: the shift must have one number per item and "
                         "channel, or the input's shape, got (1, 3, 1, 2) and (2, 3, 1, 2)",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::scale_shift(v, v, row), std::invalid_argument);
    CHECK_THROWS_AS(nn::add(v, row), std::invalid_argument);
}
