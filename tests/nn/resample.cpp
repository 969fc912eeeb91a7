#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/resample.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
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

TEST_CASE("bilinear up-sampling interpolates between the middles of pixels, as PyTorch does") {
    nn::tape<double> tape;
    const std::vector<double> x = {1, 2, 3, 4};
    const auto y = nn::upsample_bilinear(tape.constant({1, 2, 2, 1}, x.data()));
    CHECK(y.shape() == nn::shape{1, 4, 4, 1});
    const std::vector<double> expected = {1,   1.25, 1.75, 2,   1.5, 1.75, 2.25, 2.5,
                                          2.5, 2.75, 3.25, 3.5, 3,   3.25, 3.75, 4};
    CHECK(std::vector<double>(y.values().begin(), y.values().end()) == expected);
    std::vector<double> plane;  // 3 i - 2 j + 1
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 5; ++j) plane.push_back(3 * i - 2 * j + 1);
    const auto z = nn::upsample_bilinear(tape.constant({1, 4, 5, 1}, plane.data()), 3);
    double worst = 0;
    for (int i = 1; i < 11; ++i)
        for (int j = 1; j < 14; ++j)
            worst = support::worse(worst, std::abs(z.data()[15 * i + j] -
                                                   (3 * (i - 1) / 3.0 - 2 * (j - 1) / 3.0 + 1)));
    CHECK(worst < 1e-14);
    for (const std::size_t factor : {1U, 2U, 3U})
        diffusion::test::check_gradient({{2, 3, 1, 5}}, [&](auto&, const auto& v) {
            return nn::add(nn::upsample_bilinear(v[0], factor), nn::upsample_nearest(v[0], factor));
        });
    CHECK_THROWS_AS(nn::upsample_bilinear(y, 0), std::invalid_argument);
}

TEST_CASE("average pooling gives the mean of each square, global pooling that of the image") {
    nn::tape<double> tape;
    std::vector<double> x;
    for (int i = 0; i < 24; ++i) x.push_back(i);
    const auto v = tape.constant({1, 2, 6, 2}, x.data());
    const auto y = nn::average_pool(v);
    CHECK(y.shape() == nn::shape{1, 1, 3, 2});
    CHECK(std::vector<double>(y.values().begin(), y.values().end()) ==
          std::vector<double>{7, 8, 11, 12, 15, 16});
    const auto mean = nn::global_average_pool(v);
    CHECK(mean.shape() == nn::shape{1, 1, 1, 2});
    CHECK(mean.data()[0] == doctest::Approx(11).epsilon(1e-15));
    CHECK(mean.data()[1] == doctest::Approx(12).epsilon(1e-15));
    for (const std::size_t factor : {1U, 2U, 3U})
        for (const std::size_t channels : {1U, 5U, 9U})
            diffusion::test::check_gradient(
                {{2, 3 * factor, factor, channels}}, [&](auto&, const auto& u) {
                    return nn::add(nn::average_pool(u[0], factor), nn::average_pool(u[0], factor));
                });
    diffusion::test::check_gradient(
        {{2, 3, 5, 7}}, [](auto&, const auto& u) { return nn::global_average_pool(u[0]); });
    CHECK_THROWS_WITH_AS(nn::average_pool(v, 3),
                         "diffusion::nn::average_pool: the factor must divide height and width, "
                         "got (1, 2, 6, 2)",
                         std::invalid_argument);
    CHECK_THROWS_AS(nn::average_pool(v, 0), std::invalid_argument);
}

TEST_CASE("the mean of many pixels is as good in float as in double") {
    std::vector<float> x(61 * 67 * 3);
    for (std::size_t i = 0; i < x.size(); ++i)
        x[i] = 1 + static_cast<float>(i * 7919 % 1009) / 1009;
    nn::tape<float> tape;
    const auto mean = nn::global_average_pool(tape.constant({1, 61, 67, 3}, x.data()));
    for (std::size_t c = 0; c < 3; ++c) {
        double sum = 0;
        for (std::size_t p = 0; p < 61 * 67; ++p) sum += static_cast<double>(x[3 * p + c]);
        CHECK(static_cast<double>(mean.data()[c]) ==
              doctest::Approx(sum / (61 * 67)).epsilon(1e-6));
    }
}
