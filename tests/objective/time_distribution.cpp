#include <diffusion/objective/time_distribution.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/objective/times.hpp>
#include <diffusion/schedule/continuous.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

template <class D>
std::vector<double> draw(std::size_t n, const D& distribution, std::uint64_t iteration,
                         time_sampling how = time_sampling::stratified) {
    std::vector<double> times(n);
    draw_times(std::span<double>(times), flow_schedule{}, distribution, how, 1, iteration);
    return times;
}

/// Mean and variance of f of stratified times.
template <class D, class F>
void check_moments(const D& distribution, F f, double mean, double variance) {
    double sum = 0, squares = 0;
    const std::vector<double> times = draw(4000, distribution, 0);
    for (const double t : times) sum += f(t) / 4000;
    for (const double t : times) squares += (f(t) - sum) * (f(t) - sum) / 4000;
    CHECK(sum == Approx(mean).epsilon(0.002));
    CHECK(squares == Approx(variance).epsilon(0.01));
}

}  // namespace

TEST_CASE("the logarithm of EDM's noise level is normal, and the log-odds of SD3's time") {
    check_moments(
        log_normal_times{}, [](double t) { return std::log(t); }, -1.2, 1.44);
    check_moments(
        logit_normal_times{-0.5, 0.8}, [](double t) { return std::log(t / (1 - t)); }, -0.5, 0.64);
}

TEST_CASE("mode sampling has SD3's quantiles, all of [0, 1], and is uniform for the scale 0") {
    CHECK(mode_times{0}(0.3) == 0.3);
    const double v = 0.75, s = 1.29, cosine = std::cos(0.5 * 3.141592653589793 * v);
    CHECK(mode_times{s}(1 - v) == Approx(1 - v - s * (cosine * cosine - 1 + v)).epsilon(1e-14));
    for (const double scale : {-1.0, 0.8, 1.75}) {
        double before = mode_times{scale}(0);
        CHECK(before == 0);
        for (double u = 0.05; u < 1; u += 0.05) {
            const double t = mode_times{scale}(u);
            CHECK(t > before);
            before = t;
        }
        CHECK(mode_times{scale}(1) == Approx(1));
    }
}

TEST_CASE("stratified times are one from each part of equal probability") {
    const std::vector<double> times = draw(10, log_normal_times{}, 4);
    for (std::size_t i = 0; i < 10; ++i) {
        const double u = 0.5 * std::erfc(-(std::log(times[i]) + 1.2) / 1.2 / std::sqrt(2.0));
        CHECK(u >= static_cast<double>(i) / 10);
        CHECK(u <= static_cast<double>(i + 1) / 10);
    }
}

TEST_CASE("times from a distribution are a function of seed and iteration") {
    const auto once = draw(5, logit_normal_times{}, 7, time_sampling::uniform);
    CHECK(draw(5, logit_normal_times{}, 7, time_sampling::uniform) == once);
    CHECK(draw(5, logit_normal_times{}, 8, time_sampling::uniform) != once);
}

TEST_CASE("a distribution without width, or one that would not rise, is refused") {
    const double infinite = INFINITY;
    CHECK(support::is_complete(support::refusal([] { log_normal_times{0, 0}(0.5); }), 0.0));
    CHECK(support::is_complete(support::refusal([&] {
                                   log_normal_times{infinite, 1}(0.5);
                               }),
                               infinite));
    CHECK(support::is_complete(support::refusal([] { logit_normal_times{0, -1}(0.5); }), -1.0));
    CHECK(support::is_complete(support::refusal([] { mode_times{2}(0.5); }), 2.0));
}
