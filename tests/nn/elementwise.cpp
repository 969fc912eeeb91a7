#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <nn/gradient_check.hpp>

#include <cmath>
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

TEST_CASE("SiLU and its gradient are right for any number of elements") {
    for (std::size_t n : {1U, 3U, 8U, 17U})
        check_gradient({{1, 1, 1, n}}, [](auto&, const auto& v) { return nn::silu(v[0]); });
    check_gradient({{1, 1, 2, 3}},
                   [](auto&, const auto& v) { return nn::add(nn::silu(v[0]), nn::silu(v[0])); });
}

TEST_CASE("SiLU is finite where exp overflows") {
    nn::tape<float> tape;
    const std::vector<float> x = {-1e30F, -200, -90, 0, 90, 1e30F};
    const auto y = nn::silu(tape.constant({1, 1, 1, 6}, x.data()));
    CHECK(y.data()[0] == 0);
    CHECK(y.data()[1] == 0);
    CHECK(std::abs(y.data()[2]) < 1e-35F);
    CHECK(y.data()[3] == 0);
    CHECK(y.data()[4] == 90);
    CHECK(y.data()[5] == 1e30F);
}

TEST_CASE("FiLM scales and shifts each channel of each item, with gradients to all three") {
    check_gradient({{2, 3, 2, 5}, {2, 1, 1, 5}, {2, 1, 1, 5}},
                   [](auto&, const auto& v) { return nn::scale_shift(v[0], v[1], v[2]); });
    check_gradient({{3, 1, 2, 4}, {3, 1, 1, 4}}, [](auto&, const auto& v) {
        return nn::scale_shift(v[0], nn::var<double>(), v[1]);
    });
}
