#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// The denoiser that always answers the same.
auto always(const vector& answer) {
    return [answer](const vector&, const node&, vector& x0) { x0 = answer; };
}
const node half{0.5, 0.5, 0.5, 0};

}  // namespace

TEST_CASE("clipping keeps the estimate of the data in its range") {
    vector x0(5);
    clipped(always({-3, -1, 0.5, 1, 7}))(vector(5), half, x0);
    CHECK(x0 == vector{-1, -1, 0.5, 1, 1});
    clipped(always({-3, -1, 0.5, 1, 7}), 0, 5)(vector(5), half, x0);
    CHECK(x0 == vector{0, 0, 0.5, 1, 5});
    CHECK_THROWS_WITH_AS(clipped(always({}), 1, 1),
                         "diffusion::clipped: low must be below high, which is, got 1",
                         std::invalid_argument);
}

TEST_CASE("a clipped denoiser can still say what noise the network saw before clipping") {
    const vector x{4, 0.25};
    vector x0(2), eps(2);
    clipped denoise(predicts_data([](const vector& in, double) { return in; }));
    denoise.with_raw_noise(x, half, x0, eps);
    CHECK(x0 == vector{1, 0.25});
    CHECK(eps[0] == Approx((4 - 0.5 * 4) / 0.5));  // of x0 = 4, not of x0 = 1
    detail::denoise_with_noise(denoise, x, half, x0, eps);
    CHECK(eps[0] == Approx((4 - 0.5 * 1) / 0.5));  // of the clipped x0
    CHECK(eps[1] == Approx(0.25));
}

TEST_CASE("clipping hands refusals of the inner denoiser on") {
    const clipped denoise(predicts_noise([](const vector& in, double) { return in; }));
    CHECK_THROWS_AS(denoise.check(node{999, 0, 1, 0}), std::invalid_argument);
    CHECK_NOTHROW(denoise.check(half));
}
