#include <doctest/doctest.h>
#include <diffusion/nn/vector_math.hpp>
#include <diffusion/nn/vector_sqrt.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

namespace detail = diffusion::nn::detail;

namespace {

template <class T>
std::vector<T> exp_of(const std::vector<T>& x) {
    std::vector<T> y(x.size());
    detail::transform(
        x.size(), y.data(), [](detail::vec<T> v) { return detail::exp<T>(v); }, x.data());
    return y;
}

}  // namespace

TEST_CASE_TEMPLATE("exp of vectors is within two units in the last place", T, float, double) {
    std::vector<T> x;
    const double end = std::is_same_v<T, float> ? 87.3 : 708.3;
    for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<T>(end * i / 20000));
    for (int i = -1000; i <= 1000; ++i) x.push_back(static_cast<T>(1e-5 * i));
    const std::vector<T> y = exp_of(x);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double exact = std::exp(static_cast<long double>(x[i]));
        worst = support::worse(worst, static_cast<double>(std::abs(y[i] - exact) / exact));
    }
    CHECK(worst < 2 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("exp of vectors is 0 below and infinite above the range of the type", T, float,
                   double) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const std::vector<T> y = exp_of<T>({-infinity, -10000, 0, 10000, infinity});
    CHECK(y[0] == 0);
    CHECK(y[1] == 0);
    CHECK(y[2] == 1);
    CHECK(y[3] == infinity);
    CHECK(y[4] == infinity);
    CHECK(std::isnan(exp_of<T>({std::numeric_limits<T>::quiet_NaN()})[0]));
}

TEST_CASE_TEMPLATE("the logistic function and SiLU are right to three units in the last place", T,
                   float, double) {
    std::vector<T> x;
    const double end = std::is_same_v<T, float> ? 87 : 708;
    for (int i = -20000; i <= 20000; ++i) x.push_back(static_cast<T>(end * i / 20000));
    for (int i = -1000; i <= 1000; ++i) x.push_back(static_cast<T>(0.01 * i));
    std::vector<T> s(x.size()), y(x.size());
    detail::transform(
        x.size(), s.data(), [](detail::vec<T> v) { return detail::logistic<T>(v); }, x.data());
    detail::transform(
        x.size(), y.data(), [](detail::vec<T> v) { return detail::silu<T>(v); }, x.data());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double e = 1 + std::exp(-static_cast<long double>(x[i]));
        worst = support::worse(worst, static_cast<double>(std::abs(s[i] * e - 1)));
        worst = support::worse(worst, static_cast<double>(std::abs(y[i] * e - x[i])) /
                                          std::max(std::abs(static_cast<double>(x[i])), 1e-300));
    }
    CHECK(worst < 3 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("the logistic function ends at 0 and 1, and SiLU at 0 and x", T, float, double) {
    constexpr T infinity = std::numeric_limits<T>::infinity(), large = 10000;
    const auto logistic = [](T x) { return detail::logistic<T>(detail::vec<T>{} + x)[0]; };
    const auto silu = [](T x) { return detail::silu<T>(detail::vec<T>{} + x)[0]; };
    const auto slope = [](T x) {
        return detail::silu_gradient<T>(detail::vec<T>{} + x, detail::vec<T>{} + 1)[0];
    };
    for (const T x : {large, infinity}) {
        CHECK(logistic(x) == 1);
        CHECK(logistic(-x) >= 0);
        CHECK(logistic(-x) < 2 * std::numeric_limits<T>::min());
        CHECK(silu(x) == x);
    }
    CHECK(std::abs(silu(-large)) < 2 * large * std::numeric_limits<T>::min());
    CHECK(slope(large) == 1);
    CHECK(std::abs(slope(-large)) < 2 * large * std::numeric_limits<T>::min());
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    CHECK(std::isnan(logistic(nan)));
    CHECK(std::isnan(silu(nan)));
    CHECK(std::isnan(slope(nan)));
}

TEST_CASE_TEMPLATE("the root of vectors is the correctly rounded one", T, float, double) {
    std::vector<T> x{0, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                     std::numeric_limits<T>::infinity()};
    for (int i = 0; i < 20000; ++i)
        x.push_back(std::exp(static_cast<T>(0.004) * static_cast<T>(i - 10000)));
    std::vector<T> y(x.size());
    detail::transform(
        x.size(), y.data(), [](detail::vec<T> v) { return detail::sqrt<T>(v); }, x.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) wrong += y[i] == std::sqrt(x[i]) ? 0 : 1;
    CHECK(wrong == 0);
    CHECK(std::isnan(detail::sqrt<T>(detail::vec<T>{} - 1)[0]));
}

TEST_CASE("the bits of an element do not depend on its place or on the number of elements") {
    std::vector<float> x;
    for (int i = 0; i < 37; ++i) x.push_back(0.37F * static_cast<float>(i) - 5);
    const std::vector<float> all = exp_of(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::vector<float> rest(x.begin() + static_cast<std::ptrdiff_t>(i), x.end());
        CHECK(exp_of(rest)[0] == all[i]);
    }
}

TEST_CASE("a sum over an array takes each element once, for any number of elements") {
    for (std::size_t n : {0U, 1U, 5U, 16U, 35U, 64U}) {
        std::vector<float> x(n), y(n);
        float expected = 0;
        for (std::size_t i = 0; i < n; ++i) {
            x[i] = static_cast<float>(i);
            y[i] = static_cast<float>(i % 3);
            expected += x[i] * y[i];
        }
        const auto product = [](auto a, auto b) { return a * b; };
        CHECK(detail::sum_over<float>(n, product, x.data(), y.data()) == expected);
    }
}
