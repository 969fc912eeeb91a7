#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/objective/times.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

namespace {

template <class S>
std::vector<double> draw(std::size_t n, const S& schedule, time_sampling how,
                         std::uint64_t iteration) {
    std::vector<double> times(n);
    draw_times(std::span<double>(times), schedule, how, 1, iteration);
    return times;
}

}  // namespace

TEST_CASE("times of a discrete schedule are integers 0 .. T-1, each as likely as the others") {
    const discrete_schedule schedule(linear_beta{}, 10);
    for (const time_sampling how : {time_sampling::uniform, time_sampling::stratified}) {
        std::vector<int> count(10);
        for (std::uint64_t k = 0; k < 1000; ++k)
            for (const double t : draw(10, schedule, how, k)) {
                REQUIRE(t == std::floor(t));
                REQUIRE(t >= 0);
                REQUIRE(t <= 9);
                ++count[static_cast<std::size_t>(t)];
            }
        for (const int c : count) CHECK(std::abs(c - 1000) < 5 * 30);  // 5 standard deviations
    }
}

TEST_CASE("stratified times take one from each equal part of the axis") {
    const std::vector<double> times = draw(8, vp_linear{}, time_sampling::stratified, 3);
    for (std::size_t i = 0; i < 8; ++i) {
        CHECK(times[i] >= static_cast<double>(i) / 8);
        CHECK(times[i] <= static_cast<double>(i + 1) / 8);
    }
    const auto all = draw(1000, discrete_schedule<>{}, time_sampling::stratified, 3);
    for (std::size_t i = 0; i < 1000; ++i) CHECK(all[i] == static_cast<double>(i));
}

TEST_CASE("times of a continuous schedule fill its interval") {
    double low = 1e300, high = -1e300;
    for (const double t : draw(2000, edm_schedule{}, time_sampling::uniform, 0)) {
        low = std::fmin(low, t);
        high = std::fmax(high, t);
    }
    CHECK(low >= 0.002);
    CHECK(low < 0.4);
    CHECK(high <= 80);
    CHECK(high > 79.6);
}

TEST_CASE("the times of an iteration depend on seed and iteration alone") {
    const auto once = draw(5, vp_linear{}, time_sampling::uniform, 7);
    CHECK(draw(5, vp_linear{}, time_sampling::uniform, 7) == once);
    CHECK(draw(5, vp_linear{}, time_sampling::uniform, 8) != once);
}
