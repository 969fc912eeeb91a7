#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/gate.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

TEST_CASE("the gradient of a gated branch is right for all three inputs") {
    check_gradient({{2, 3, 1, 5}, {2, 3, 1, 5}, {2, 1, 1, 5}},
                   [](auto&, const auto& v) { return nn::add_gated(v[0], v[1], v[2]); });
    check_gradient({{3, 1, 2, 1}, {3, 1, 1, 1}}, [](auto&, const auto& v) {  // several readers
        return nn::add_gated(nn::add_gated(v[0], v[0], v[1]), v[0], v[1]);
    });
}

TEST_CASE("a closed gate lets nothing through, not even back, and yet learns") {
    const std::vector<double> x = {1, 2, 3, 4}, h = {5, 6, 7, 8}, closed = {0, 0};
    nn::tape<double> tape;
    const auto in = tape.input({1, 1, 2, 2}, x.data()), branch = tape.input({1, 1, 2, 2}, h.data());
    const auto gate = tape.input({1, 1, 1, 2}, closed.data());
    const auto y = nn::add_gated(in, branch, gate);
    CHECK(std::ranges::equal(y.values(), x));
    tape.backward(y, std::vector<double>{1, 1, 1, 1});
    CHECK(std::ranges::equal(branch.gradient(), std::vector<double>{0, 0, 0, 0}));
    CHECK(std::ranges::equal(gate.gradient(), std::vector<double>{12, 14}));
}

TEST_CASE("a gate of another shape is refused") {
    const std::vector<double> x(8);
    nn::tape<double> tape;
    const auto a = tape.constant({1, 2, 2, 2}, x.data()), b = tape.constant({2, 1, 1, 2}, x.data());
    CHECK(support::refusal([&] { nn::add_gated(a, a, b); }) ==
          "diffusion::nn::add_gated: the gate must have one number per item and channel, got (2, "
          "1, 1, 2) and (1, 2, 2, 2)");
    CHECK(support::refusal([&] { nn::add_gated(a, b, b); }) ==
          "diffusion::nn::add_gated: both terms must have the same shape, got (2, 1, 1, 2) and (1, "
          "2, 2, 2)");
}
