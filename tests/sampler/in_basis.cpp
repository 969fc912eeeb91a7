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
#include "support/moments.hpp"
#include "support/refusal.hpp"
#include "support/worse.hpp"

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

TEST_CASE("the axis of gray becomes the first channel, lengths stay, and twice is not at all") {
    const vector start{1, 3, 5, 2, 4, 7};  // 2 pixels of 3 channels
    vector x = start;
    gray_axis{}(x);
    CHECK(x[0] == Approx((1 + 3 + 5) / std::sqrt(3.0)));
    CHECK(x[3] == Approx((2 + 4 + 7) / std::sqrt(3.0)));
    double before = 0, after = 0;
    for (std::size_t e = 0; e < 6; ++e) {
        before += start[e] * start[e];
        after += x[e] * x[e];
    }
    CHECK(after == Approx(before).epsilon(1e-14));
    gray_axis{}(x);
    for (std::size_t e = 0; e < 6; ++e) CHECK(x[e] == Approx(start[e]).epsilon(1e-14));

    vector gray{0.5, 0.5, 0.5}, single{1, 2};
    gray_axis{}(gray);
    CHECK(std::abs(gray[1]) + std::abs(gray[2]) < 1e-15);  // no colour
    gray_axis{.channels = 1}(single);
    CHECK(single == vector{1, 2});
}

TEST_CASE("a colourised picture has the gray it was given, and colours of the data") {
    // Independent channels of equal variance are independent in every basis, so the colours are
    // what they would be without the gray picture: of mean 0 and the data's variance.
    const support::gaussian_toy toy{0.7, 0.5};
    vector gray(2000), x(3 * gray.size());
    for (std::size_t p = 0; p < gray.size(); ++p) gray[p] = std::sin(static_cast<double>(p));
    const time_grid grid = uniform_time(vp_linear{}, 100, 1, 1e-3);
    draw_prior(x, grid.front(), gaussian_noise{1});
    sample(x, projected(multistep(ddim{1}, grid), colourisation(std::span<const double>(gray))),
           toy, gaussian_noise{2});
    double worst = 0;
    for (std::size_t p = 0; p < gray.size(); ++p)
        worst =
            support::worse(worst, std::abs((x[3 * p] + x[3 * p + 1] + x[3 * p + 2]) / 3 - gray[p]));
    CHECK(worst < 1e-12);
    gray_axis{}(x);
    vector colours;
    for (std::size_t e = 0; e < x.size(); ++e)
        if (e % 3 != 0) colours.push_back(x[e]);
    CHECK(std::abs(support::moments_of(colours).mean) < 0.03);
    CHECK(support::moments_of(colours).variance == Approx(0.25).epsilon(0.06));
}

TEST_CASE("channels that do not fit, and gray pictures of another size, are refused") {
    vector x(12);
    const vector gray(5);
    CHECK(support::is_complete(support::refusal([&] { gray_axis{.channels = 5}(x); }), 5));
    CHECK(support::is_complete(support::refusal([&] { gray_axis{.channels = 0}(x); }), 0));
    CHECK(support::is_complete(
        support::refusal([&] { colourisation(std::span<const double>(gray), 0); }), 0));
    CHECK(support::is_complete(
        support::refusal([&] { colourisation(std::span<const double>(gray)).init(x); }), 15));
}
