// Are the numbers normal, uniform and independent? Every bound is several standard deviations of
// the exact sampling distribution; draws are fixed by their seed, so a passing test stays passing.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/random/fill.hpp>

using namespace diffusion;

namespace {

constexpr std::size_t many = 10'000'000;
constexpr std::size_t chunk = 100'000;

/// Calls f(number) for `n` normal numbers of one address.
template <class T, class F>
void each_normal(std::size_t n, std::uint64_t seed, F&& f) {
    std::vector<T> z(chunk);
    for (std::size_t first = 0; first < n; first += chunk) {
        fill_normal(std::span<T>(z), seed, {.stream = noise_stream::user}, first);
        for (const T value : z) f(static_cast<double>(value));
    }
}

/// sqrt(n) times the greatest distance of the empirical distribution function from the identity, at
/// the 2^16 - 1 inner edges of equal cells.
class kolmogorov_smirnov {
    static constexpr std::size_t cells_ = 1u << 16;
    std::vector<double> count_ = std::vector<double>(cells_, 0.0);
    double n_ = 0;

public:
    void add(double probability) {
        const auto cell = static_cast<std::size_t>(probability * cells_);
        count_[cell < cells_ ? cell : cells_ - 1] += 1;
        n_ += 1;
    }
    double statistic() const {
        double below = 0, greatest = 0;
        for (std::size_t i = 0; i < cells_; ++i) {
            below += count_[i];
            greatest =
                std::max(greatest, std::abs(below / n_ - static_cast<double>(i + 1) / cells_));
        }
        return std::sqrt(n_) * greatest;
    }
};

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum / static_cast<double>(a.size());
}

std::vector<double> squares(std::vector<double> z) {  // centred, variance 1
    for (double& value : z) value = (value * value - 1) / std::sqrt(2.0);
    return z;
}

std::vector<double> draw(std::uint64_t seed, const noise_address& where, std::uint64_t first = 0) {
    std::vector<double> z(200'000);
    fill_normal(std::span(z), seed, where, first);
    return z;
}

void check_independent(const std::vector<double>& a, const std::vector<double>& b) {
    const double five_deviations = 5 / std::sqrt(static_cast<double>(a.size()));
    CHECK(std::abs(correlation(a, b)) < five_deviations);
    CHECK(std::abs(correlation(squares(a), squares(b))) < five_deviations);
}

}  // namespace

TEST_CASE_TEMPLATE(
    "Ten million normal numbers have moments 0, 1, 0, 3 and the tails of the normal law", T, float,
    double) {
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, beyond[7] = {};
    each_normal<T>(many, 2024, [&](double z) {
        const double z2 = z * z;
        m1 += z;
        m2 += z2;
        m3 += z * z2;
        m4 += z2 * z2;
        if (z2 >= 9) {
            for (int k = 3; k <= 6 && std::abs(z) > k; ++k) beyond[k] += 1;
        }
    });
    const double n = many;
    // variances of z, z^2, z^3, z^4: 1, 2, 15, 96
    CHECK(std::abs(m1 / n) < 4 * std::sqrt(1 / n));
    CHECK(std::abs(m2 / n - 1) < 4 * std::sqrt(2 / n));
    CHECK(std::abs(m3 / n) < 4 * std::sqrt(15 / n));
    CHECK(std::abs(m4 / n - 3) < 4 * std::sqrt(96 / n));
    for (int k = 3; k <= 5; ++k) {
        CAPTURE(k);
        const double expected = n * std::erfc(k / std::sqrt(2.0));  // 26998, 633, 5.7
        CHECK(std::abs(beyond[k] - expected) < 4 * std::sqrt(expected));
    }
    CHECK(beyond[5] > 0);
    CHECK(beyond[6] < 2);  // 0.02 expected
}

TEST_CASE_TEMPLATE("Ten million normal numbers pass the test of Kolmogorov and Smirnov", T, float,
                   double) {
    kolmogorov_smirnov test;
    each_normal<T>(many, 7, [&](double z) { test.add(0.5 * std::erfc(-z / std::sqrt(2.0))); });
    CHECK(test.statistic() < 2.2);   // exceeded with probability 2 exp(-2 2.2^2) = 1e-4
    CHECK(test.statistic() > 0.35);  // too good with probability 2e-4
}

TEST_CASE_TEMPLATE("Uniform numbers lie inside the open interval, evenly", T, float, double) {
    kolmogorov_smirnov test;
    std::vector<T> u(chunk);
    T smallest = 1, greatest = 0;
    double m1 = 0, m2 = 0;
    for (std::size_t first = 0; first < many; first += chunk) {
        fill_uniform(std::span<T>(u), 99, {}, first);
        for (const T value : u) {
            smallest = std::min(smallest, value);
            greatest = std::max(greatest, value);
            test.add(static_cast<double>(value));
            m1 += static_cast<double>(value);
            m2 += static_cast<double>(value) * static_cast<double>(value);
        }
    }
    CHECK(smallest > 0);
    CHECK(smallest < T(1e-6));
    CHECK(greatest < 1);
    CHECK(greatest > T(1) - T(1e-6));
    CHECK(test.statistic() < 2.2);
    CHECK(test.statistic() > 0.35);
    const double n = many;
    CHECK(std::abs(m1 / n - 0.5) < 4 * std::sqrt(1 / (12 * n)));
    CHECK(std::abs(m2 / n - 1.0 / 3) < 4 * std::sqrt(4 / (45 * n)));
}

TEST_CASE("Elements at any distance are independent, also the two of a Box-Muller pair") {
    const std::vector<double> z = draw(5, {});
    for (const std::uint64_t distance :
         {1u, 2u, 3u, 4u, 8u, 15u, 16u, 17u, 32u, 48u, 63u, 64u, 65u, 1024u}) {
        CAPTURE(distance);
        check_independent(z, draw(5, {}, distance));
    }
}

TEST_CASE("Draws that differ in seed, stream, step or sub-draw alone are independent") {
    const std::vector<double> z = draw(5, {.step = 10});
    check_independent(z, draw(6, {.step = 10}));
    check_independent(z, draw(5 + (std::uint64_t{1} << 32), {.step = 10}));
    check_independent(z, draw(5, {.step = 11}));
    check_independent(z, draw(5, {.step = 10 + (std::uint64_t{1} << 32)}));
    check_independent(z, draw(5, {.step = 10, .sub_draw = 1}));
    check_independent(z, draw(5, {.step = 10, .sub_draw = 2}));
    for (const noise_stream other :
         {noise_stream::start, noise_stream::forward, noise_stream::data, noise_stream::parameters,
          noise_stream::dropout, noise_stream::user})
        check_independent(z, draw(5, {.stream = other, .step = 10}));
}

TEST_CASE("Along the steps, the same element of consecutive draws is normal and uncorrelated") {
    std::vector<double> path(20'000), lagged(20'000);
    for (std::size_t i = 0; i <= path.size(); ++i) {
        double z = 0;
        fill_normal(std::span(&z, 1), 3, {.step = i}, 12345);
        if (i < path.size()) path[i] = z;
        if (i > 0) lagged[i - 1] = z;
    }
    check_independent(path, lagged);
    kolmogorov_smirnov test;
    for (const double z : path) test.add(0.5 * std::erfc(-z / std::sqrt(2.0)));
    CHECK(test.statistic() < 2.2);
}

TEST_CASE("Normal and uniform numbers at the same address are independent") {
    const std::vector<double> z = draw(5, {});
    std::vector<double> u(z.size());
    fill_uniform(std::span(u), 5, {});
    for (double& value : u) value = (value - 0.5) * std::sqrt(12.0);
    check_independent(z, u);
}
