#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/resample.hpp>
#include <nn/gradient_check.hpp>

#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE(
    "up-sampling repeats each pixel in a square, and its gradient is the sum over the square") {
    nn::tape<double> tape;
    const std::vector<double> x = {1, 2, 3, 4};
    const auto y = nn::upsample_nearest(tape.constant({1, 2, 1, 2}, x.data()));
    CHECK(y.shape() == nn::shape{1, 4, 2, 2});
    const std::vector<double> expected = {1, 2, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 3, 4};
    CHECK(std::vector<double>(y.values().begin(), y.values().end()) == expected);
    for (const std::size_t factor : {1U, 2U, 3U})
        diffusion::test::check_gradient({{2, 3, 2, 5}}, [&](auto&, const auto& v) {
            return nn::upsample_nearest(v[0], factor);
        });
    CHECK_THROWS_AS(nn::upsample_nearest(y, 0), std::invalid_argument);
}
