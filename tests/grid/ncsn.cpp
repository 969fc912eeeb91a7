#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/grid/ncsn.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

const double none = std::numeric_limits<double>::quiet_NaN(), inf = HUGE_VAL;

double distance(const std::vector<float>& points, std::size_t items) {
    return largest_distance(std::span<const float>(points), items);
}

/// The share of N(0, I) in D dimensions whose norm lies between a and b, by Simpson's rule over the
/// density of chi: r^{D-1} e^{-r^2/2} / (2^{D/2-1} Gamma(D/2)).
double share_of_norms(double D, double a, double b) {
    const std::size_t n = 4000;
    const double h = (b - a) / static_cast<double>(n);
    const double log_norm = (0.5 * D - 1) * std::log(2.0) + std::lgamma(0.5 * D);
    double sum = 0;
    for (std::size_t i = 0; i <= n; ++i) {
        const double r = a + h * static_cast<double>(i);
        const double weight = i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * std::exp((D - 1) * std::log(r) - 0.5 * r * r - log_norm);
    }
    return sum * h / 3;
}

/// s_T^2/sigma_i^2 move by move: x <- x + e sigma_i^2 (-x/sigma_i^2) + sqrt(2 e) sigma_i z.
double variance_after(double ratio, double e, std::size_t steps) {
    double v = ratio * ratio;
    for (std::size_t t = 0; t < steps; ++t) v = (1 - e) * (1 - e) * v + 2 * e;
    return v;
}

/// The ratio of a geometric progression of L levels.
double ratio_of(double highest, double lowest, double L) {
    return std::pow(highest / lowest, 1 / (L - 1));
}

}  // namespace

TEST_CASE("the largest distance of points is that of the two that are furthest apart") {
    CHECK(distance({0, 0, 3, 4, 1, 1}, 3) == 5);
    CHECK(distance({-1, 2, 2}, 3) == 3);
    CHECK(distance({1, 1, 1, 1}, 2) == 0);
}

TEST_CASE("levels overlap as the norms of Gaussian vectors in many dimensions do") {
    for (const double D : {256.0, 3072.0, 12288.0})
        for (const double ratio : {1.005, 1.02, 1.05, 1.1}) {
            CAPTURE(D);
            CAPTURE(ratio);
            const double middle = ratio * std::sqrt(D), reach = 3 * ratio / std::sqrt(2.0);
            CHECK(level_overlap(D, ratio) ==
                  Approx(share_of_norms(D, middle - reach, middle + reach)).epsilon(0.02));
        }
    CHECK(level_overlap(100, 1) == Approx(0.9973).epsilon(1e-4));  // three deviations
}

TEST_CASE("technique 2: the ratio has the overlap asked for") {
    for (const double D : {5.0, 256.0, 3072.0})
        for (const double overlap : {0.1, 0.5, 0.9})
            CHECK(level_overlap(D, level_ratio(D, overlap)) == Approx(overlap).epsilon(1e-9));
    // For an overlap of 1/2 the upper limit is far away, and sqrt(2D)(gamma - 1) = 3 gamma.
    const double root = std::sqrt(2 * 3072.0);
    CHECK(level_ratio(3072) == Approx(root / (root - 3)).epsilon(1e-9));
}

TEST_CASE("the levels of NCSNv2 on CIFAR-10 overlap by about 0.5") {
    // Song and Ermon (2020): sigma_1 = 50, sigma_L = 0.01, L = 232.
    CHECK(level_overlap(3072, ratio_of(50, 0.01, 232)) == Approx(0.57).epsilon(0.01));
    CHECK(geometric_sigmas({0.01, 50}, level_ratio(3072)).size() == 220);  // 0.5 exactly
}

TEST_CASE("a progression of a ratio has the fewest levels that do not exceed it") {
    const std::vector<double> powers = geometric_sigmas({0.25, 8}, 2);
    REQUIRE(powers.size() == 6);
    for (std::size_t i = 0; i < 6; ++i)
        CHECK(powers[i] == Approx(std::ldexp(1.0, 3 - static_cast<int>(i))).epsilon(1e-14));
    for (const double ratio : {1.9, 2.1, 5.0, 100.0}) {
        const std::vector<double> sigmas = geometric_sigmas({0.25, 8}, ratio);
        CHECK(sigmas.front() == 8);
        CHECK(sigmas.back() == 0.25);
        CHECK(sigmas[0] / sigmas[1] <= ratio);
        CHECK(ratio_of(8, 0.25, static_cast<double>(sigmas.size()) - 1) > ratio);
    }
}

TEST_CASE("proposition 3 is the recursion of the variance, and never falls to 1") {
    for (const double ratio : {1.01, 1.3, 2.0})
        for (const double e : {0.001, 0.1, 0.7, 1.0, 1.8})
            for (const std::size_t steps : {1u, 2u, 5u, 100u}) {
                CHECK(langevin_variance(ratio, e, steps) ==
                      Approx(variance_after(ratio, e, steps)).epsilon(1e-12));
                CHECK(langevin_variance(ratio, e, steps) > 1);
            }
    CHECK(langevin_variance(1.3, 0.1, 0) == Approx(1.69).epsilon(1e-14));
}

TEST_CASE("technique 4: no step size brings the variance closer to 1") {
    for (const double ratio : {1.01, 1.2, 1.67, 5.0})
        for (const std::size_t steps : {1u, 3u, 5u, 100u}) {
            CAPTURE(ratio);
            CAPTURE(steps);
            const double best = langevin_step_size(ratio, steps);
            for (double e = 0.0005; e < 2; e += 0.0005)
                CHECK(variance_after(ratio, best, steps) <=
                      variance_after(ratio, e, steps) * (1 + 1e-14));
        }
    // A single move: (1 - e)^2 gamma^2 + 2e is least at e = 1 - 1/gamma^2.
    CHECK(langevin_step_size(1.5, 1) == Approx(1 - 1 / 2.25).epsilon(1e-12));
}

TEST_CASE("technique 4 gives the step sizes of the paper") {
    // Song and Ermon (2020), sigma_L = 0.01: epsilon = 6.2e-6 on CIFAR-10 and 3.3e-6 on
    // CelebA 64 x 64, with T = 5.
    const double sigma_L_2 = 0.01 * 0.01;
    CHECK(sigma_L_2 * langevin_step_size(ratio_of(50, 0.01, 232), 5) ==
          Approx(6.2e-6).epsilon(0.01));
    CHECK(sigma_L_2 * langevin_step_size(ratio_of(90, 0.01, 500), 5) ==
          Approx(3.3e-6).epsilon(0.01));
}

TEST_CASE("numbers that make no sense are refused") {
    CHECK(is_complete(refusal([] { distance({1, 2}, 1); }), 1));
    CHECK(is_complete(refusal([] { distance({1, 2, 3}, 2); }), 3));
    CHECK(is_complete(refusal([] { distance({}, 2); }), 0));
    for (const double x : {none, inf})
        CHECK(is_complete(refusal([&] { distance({1, static_cast<float>(x)}, 2); }), x));
    for (const double D : {0.0, -1.0, none, inf})
        CHECK(is_complete(refusal([&] { level_overlap(D, 1.1); }), D));
    for (const double D : {2.0, 4.9, none}) CHECK(is_complete(refusal([&] { level_ratio(D); }), D));
    for (const double overlap : {0.0, -0.5, 0.998, none})
        CHECK(is_complete(refusal([&] { level_ratio(100, overlap); }), overlap));
    for (const double ratio : {1.0, 0.5, none, inf}) {
        CHECK(is_complete(refusal([&] { geometric_sigmas({0.1, 1}, ratio); }), ratio));
        CHECK(is_complete(refusal([&] { langevin_step_size(ratio, 5); }), ratio));
        if (ratio == 1) continue;
        CHECK(is_complete(refusal([&] { level_overlap(10, ratio); }), ratio));
        CHECK(is_complete(refusal([&] { langevin_variance(ratio, 0.1, 5); }), ratio));
    }
    for (const double e : {0.0, -0.1, 2.0, none})
        CHECK(is_complete(refusal([&] { langevin_variance(1.1, e, 5); }), e));
    CHECK(is_complete(refusal([] { langevin_step_size(1.1, 0); }), 0));
    CHECK(is_complete(refusal([] { geometric_sigmas({1, 0.1}, 2); }), 0.1));
    CHECK(is_complete(refusal([] { geometric_sigmas({0, 1}, 2); }), 0.0));
}
