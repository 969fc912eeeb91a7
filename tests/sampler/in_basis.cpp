#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/sampler/in_basis.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"
#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

TEST_CASE("the axis of gray becomes the first channel, lengths stay, and twice is not at all") {
    const vector start{1, 2, 3, 4, 5, 7};  // 3 channels of 2 pixels
    vector x = start;
    gray_axis{}(x);
    CHECK(x[0] == Approx((1 + 3 + 5) / std::sqrt(3.0)));
    CHECK(x[1] == Approx((2 + 4 + 7) / std::sqrt(3.0)));
    double before = 0, after = 0;
    for (std::size_t e = 0; e < 6; ++e) {
        before += start[e] * start[e];
        after += x[e] * x[e];
    }
    CHECK(after == Approx(before).epsilon(1e-14));
    gray_axis{}(x);
    for (std::size_t e = 0; e < 6; ++e) CHECK(x[e] == Approx(start[e]).epsilon(1e-14));

    vector gray{0.5, -0.5, 0.5, -0.5, 0.5, -0.5}, single{1, 2};
    gray_axis{}(gray);
    for (std::size_t e = 2; e < 6; ++e) CHECK(gray[e] == Approx(0));  // no colour
    gray_axis{.channels = 1}(single);
    CHECK(single == vector{1, 2});
}

TEST_CASE("a colourised picture has the gray it was given, and colours of the data") {
    // Independent channels of equal variance are independent in every basis, so the colours are
    // what they would be without the gray picture: of mean 0 and the data's variance.
    const support::gaussian_toy toy{0.7, 0.5};
    const std::size_t items = 500, pixels = 4;
    vector gray(items * pixels);
    for (std::size_t e = 0; e < gray.size(); ++e) gray[e] = std::sin(static_cast<double>(e));
    vector x(3 * gray.size());
    const time_grid grid = uniform_time(vp_linear{}, 100, 1, 1e-3);
    draw_prior(x, grid.front(), gaussian_noise{1});
    const gray_axis axis{.channels = 3, .items = items};
    sample(x,
           projected(multistep(ddim{1}, grid), colourisation(std::span<const double>(gray), axis)),
           toy, gaussian_noise{2});
    for (std::size_t i = 0; i < items; ++i)
        for (std::size_t p = 0; p < pixels; ++p) {
            double sum = 0;
            for (std::size_t c = 0; c < 3; ++c) sum += x[(i * 3 + c) * pixels + p];
            CHECK(sum / 3 == Approx(gray[i * pixels + p]).epsilon(1e-12));
        }
    axis(x);
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < items; ++i)
        for (std::size_t e = pixels; e < 3 * pixels; ++e) {
            const double colour = x[i * 3 * pixels + e];
            mean += colour / static_cast<double>(2 * gray.size());
            variance += colour * colour / static_cast<double>(2 * gray.size());
        }
    CHECK(std::abs(mean) < 0.03);
    CHECK(variance == Approx(0.25).epsilon(0.06));
}

TEST_CASE("pictures that do not fit the layout are refused") {
    vector x(12);
    CHECK(support::is_complete(support::refusal([&] { gray_axis{.items = 5}(x); }), 5));
    CHECK(support::is_complete(support::refusal([&] { gray_axis{.channels = 5}(x); }), 5));
    CHECK(support::is_complete(support::refusal([&] { gray_axis{.channels = 0}(x); }), 0));
    const vector gray(4);
    const auto of = [&](const gray_axis& axis) {
        return support::refusal([&] { colourisation(std::span<const double>(gray), axis); });
    };
    CHECK(support::is_complete(of({.channels = 3, .items = 3}), 3));
    CHECK(support::is_complete(of({.channels = 0}), 0));
}
