#include <diffusion/random/box_muller.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <doctest/doctest.h>
#include <diffusion/random/fill.hpp>

using namespace diffusion::detail;

namespace {

#ifndef DIFFUSION_TEST_SWEEP_STRIDE  // 15 for the numbers in box_muller.hpp
#define DIFFUSION_TEST_SWEEP_STRIDE 8191
#endif
constexpr std::uint64_t stride = DIFFUSION_TEST_SWEEP_STRIDE;
constexpr std::uint64_t words = std::uint64_t{1} << 32;

/// Distance in units of the last place of T at the true value.
template <class T, class Reference>
double ulps(T got, Reference truth) {
    const int digits = std::numeric_limits<T>::digits;
    const Reference ulp = std::ldexp(Reference(1), std::ilogb(truth) + 1 - digits);
    return static_cast<double>(std::abs(static_cast<Reference>(got) - truth) / ulp);
}

/// sqrt(-2 log u) from u or, above 1/2, from 1 - u.
template <class Reference>
Reference true_radius(Reference nearer, bool upper) {
    return std::sqrt(-2 * (upper ? std::log1p(-nearer) : std::log(nearer)));
}

struct worst {
    double radius = 0, cosine = 0, sine = 0;
};

template <class T, class Reference>
void compare(worst& error, T radius, T cosine, T sine, Reference true_radius_, Reference turn_x,
             std::uint32_t quadrant) {
    const Reference angle = turn_x * (std::acos(Reference(0)));
    const Reference s = std::sin(angle), c = std::cos(angle);
    const Reference cosines[] = {c, -s, -c, s}, sines[] = {s, c, -s, -c};
    error.radius = std::max(error.radius, ulps(radius, true_radius_));
    error.cosine = std::max(error.cosine, ulps(cosine, cosines[quadrant]));
    error.sine = std::max(error.sine, ulps(sine, sines[quadrant]));
}

worst sweep_float() {
    constexpr std::size_t n = lane_count<float>;
    const normal_lanes<float> math;
    worst error;
    for (std::uint64_t w = 0; w < words; w += n * stride) {
        std::uint32_t word[n];
        for (std::size_t i = 0; i < n; ++i) word[i] = static_cast<std::uint32_t>(w + i * stride);
        float radius[n], cosine[n], sine[n];
        store(radius, math.minus_two_log(radius_argument(load(word))));
        square_roots(radius, n);
        math.polar(lanes<float>{} + 1.0f, quarter_turns(load(word)),
                   quadrant<std::uint32_t>(load(word)), cosine, sine);
        for (std::size_t i = 0; i < n; ++i) {
            const double u = (word[i] + 0.5) / 4294967296.0;  // exact
            const double nearest = std::floor(4 * u + 0.5);
            compare(error, radius[i], cosine[i], sine[i], true_radius(std::min(u, 1 - u), u > 0.5),
                    4 * u - nearest, static_cast<std::uint32_t>(nearest) % 4);
        }
    }
    return error;
}

worst sweep_double() {
    constexpr std::size_t n = lane_count<double>;
    const normal_lanes<double> math;
    worst error;
    for (std::uint64_t w = 0; w < words; w += n * stride) {
        std::uint64_t high[n], low[n];
        for (std::size_t i = 0; i < n; ++i) {
            high[i] = (w + i * stride) % words;
            low[i] = high[i] * 2654435761u % words;  // any fine bits
        }
        double radius[n], cosine[n], sine[n];
        store(radius, math.minus_two_log(radius_argument(load(high), load(low))));
        square_roots(radius, n);
        math.polar(lanes<double>{} + 1.0, quarter_turns(load(high), load(low)),
                   quadrant<std::uint64_t>(load(high)), cosine, sine);
        for (std::size_t i = 0; i < n; ++i) {
            // exact but for half of 2^-64
            const std::uint64_t both = high[i] << 32 | low[i];
            const bool upper = high[i] >> 31 != 0;
            const long double nearer =
                std::ldexp(static_cast<long double>(upper ? ~both : both) + 0.5L, -64);
            const std::uint64_t quadrant = ((high[i] + (1u << 29)) >> 30) % 4;
            const auto offset = static_cast<std::int64_t>(both - (quadrant << 62));
            const long double x = std::ldexp(static_cast<long double>(offset) + 0.5L, -62);
            compare(error, radius[i], cosine[i], sine[i], true_radius(nearer, upper), x,
                    static_cast<std::uint32_t>(quadrant));
        }
    }
    return error;
}

}  // namespace

TEST_CASE(
    "In float, radius, cosine and sine are right to 1.5 units in the last place, also near 0") {
    const worst error = sweep_float();
    CAPTURE(error.radius);
    CAPTURE(error.cosine);
    CAPTURE(error.sine);
    CHECK(error.radius < 1.5);
    CHECK(error.cosine < 2);
    CHECK(error.sine < 2);
    CHECK(error.radius >
          0.4);  // no function of floats is better than half an ulp: the sweep has seen something
}

TEST_CASE(
    "In double, radius, cosine and sine are right to 1.5 units in the last place, also near 0") {
    const worst error = sweep_double();
    CAPTURE(error.radius);
    CAPTURE(error.cosine);
    CAPTURE(error.sine);
    CHECK(error.radius < 1.5);
    CHECK(error.cosine < 2);
    CHECK(error.sine < 2);
    CHECK(error.radius > 0.4);
}
