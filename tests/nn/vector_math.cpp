#include <doctest/doctest.h>
#include <diffusion/nn/vector_math.hpp>
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
