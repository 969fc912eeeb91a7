#include <support/swiss_roll.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

using doctest::Approx;
using examples::swiss_roll;

TEST_CASE("the Swiss roll has mean 0 and variance 1 along each axis, noise included") {
    const swiss_roll roll(0.1);
    constexpr std::size_t count = 20000;
    std::vector<float> x(2 * count);
    roll.draw(x, 3);
    for (const std::size_t axis : {0U, 1U}) {
        double mean = 0, square = 0;
        for (std::size_t i = axis; i < x.size(); i += 2) {
            mean += double(x[i]) / count;
            square += double(x[i]) * double(x[i]) / count;
        }
        CHECK(std::abs(mean) < 0.03);
        CHECK(square - mean * mean == Approx(1).epsilon(0.03));
    }
    CHECK(roll.share_within(x, 5) > 0.999);
    CHECK(roll.share_within(x, 1) < 0.9);  // |z| < 1 across the spiral, and it bends
}

TEST_CASE("its mean log-likelihood is the mean over its points of the log-density") {
    const swiss_roll roll(0.05);
    double sum = 0;
    constexpr std::size_t count = 300;
    std::vector<float> x(2 * count);
    roll.draw(x, 1);
    for (std::size_t i = 0; i < x.size(); i += 2) sum += roll.log_density({x[i], x[i + 1]}) / count;
    CHECK(roll.mean_log_likelihood() == Approx(sum).epsilon(0.25));
}

TEST_CASE(
    "a thin roll is a band: its entropy is that of the place on the spiral and of the noise") {
    // angle 3/2 pi (1 + 2u): the density on the spiral is 1 over its speed, scaled to variance 1
    double speed = 0, x = 0, y = 0, xx = 0, yy = 0;
    constexpr int n = 20000;
    for (int k = 0; k < n; ++k) {
        const double a = 1.5 * std::numbers::pi * (1 + 2 * (k + 0.5) / n);
        x += a * std::cos(a) / n;
        y += a * std::sin(a) / n;
        xx += a * a * std::cos(a) * std::cos(a) / n;
        yy += a * a * std::sin(a) * std::sin(a) / n;
    }
    const double wide = std::sqrt(xx - x * x), high = std::sqrt(yy - y * y);
    for (int k = 0; k < n; ++k) {
        const double a = 1.5 * std::numbers::pi * (1 + 2 * (k + 0.5) / n);
        const double dx = (std::cos(a) - a * std::sin(a)) / wide;
        const double dy = (std::sin(a) + a * std::cos(a)) / high;
        speed += std::log(3 * std::numbers::pi * std::hypot(dx, dy)) / n;
    }
    const double s = 0.004;
    const double entropy = speed + 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * s * s);
    CHECK(swiss_roll(s).mean_log_likelihood() == Approx(-entropy).epsilon(0.01));
}

TEST_CASE("the roll with 2.5 bits has 2.5 bits") {
    CHECK(swiss_roll::with_likelihood(2.5).mean_log_likelihood() / std::numbers::ln2 ==
          Approx(2.5).epsilon(1e-6));
}
