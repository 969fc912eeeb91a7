#include <doctest/doctest.h>
#include <diffusion/nn/concat.hpp>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>

#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("concatenation puts the channels of both values side by side, and splits the gradient") {
    nn::tape<double> tape;
    const std::vector<double> a = {1, 2}, b = {3, 4, 5, 6};
    const auto u = tape.constant({1, 1, 2, 1}, a.data()), v = tape.constant({1, 1, 2, 2}, b.data());
    const auto y = nn::concat(u, v);
    CHECK(std::vector<double>(y.values().begin(), y.values().end()) ==
          std::vector<double>{1, 3, 4, 2, 5, 6});
    diffusion::test::check_gradient({{2, 3, 1, 4}, {2, 3, 1, 1}},
                                    [](auto&, const auto& x) { return nn::concat(x[0], x[1]); });
    diffusion::test::check_gradient({{2, 1, 1, 3}}, [](auto&, const auto& x) {
        return nn::concat(x[0], nn::scale(x[0], 2.0));
    });
    CHECK_THROWS_AS(nn::concat(u, tape.constant({1, 2, 1, 2}, b.data())), std::invalid_argument);
}
