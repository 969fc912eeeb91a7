#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <nn/gradient_check.hpp>

#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("the squared error is a mean over elements, and each item's share can be weighted") {
    nn::tape<double> tape;
    const std::vector<double> x = {1, 2, 3, 4}, y = {0, 2, 5, 4}, w = {3, 0.5};
    const auto p = tape.constant({2, 1, 1, 2}, x.data());
    CHECK(nn::mse_loss(p, std::span<const double>(y)).item() == 5.0 / 4);
    CHECK(nn::mse_loss(p, std::span<const double>(y), w).item() == (3 * 1 + 0.5 * 4) / 4);
    const std::vector<double> target = diffusion::test::normals(24, 3);
    diffusion::test::check_gradient({{2, 2, 2, 3}}, [&](auto&, const auto& v) {
        return nn::mse_loss(v[0], std::span<const double>(target), w);
    });
    diffusion::test::check_gradient({{2, 2, 2, 3}}, [&](auto&, const auto& v) {
        return nn::add(nn::mse_loss(v[0], std::span<const double>(target)),
                       nn::mse_loss(v[0], std::span<const double>(target)));
    });
    CHECK_THROWS_AS(nn::mse_loss(p, std::span<const double>(w)), std::invalid_argument);
    CHECK_THROWS_AS(nn::mse_loss(p, std::span<const double>(y), y), std::invalid_argument);
}
