#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>

#include <diffusion/schedule/beta.hpp>

using namespace diffusion;

TEST_CASE("a beta schedule is any callable of t and T") {
    const auto constant = [](std::size_t, std::size_t) { return 0.01; };
    const auto of_floats = [](int, float) { return 0.01F; };
    const auto of_one = [](std::size_t) { return 0.01; };
    const auto of_text = [](std::size_t, std::size_t) { return std::string(); };
    static_assert(beta_schedule<linear_beta>);
    static_assert(beta_schedule<tabulated_beta>);
    static_assert(beta_schedule<decltype(constant)>);
    static_assert(beta_schedule<double (*)(std::size_t, std::size_t)>);
    static_assert(!beta_schedule<decltype(of_one)>);
    static_assert(!beta_schedule<decltype(of_text)>);
    static_assert(!beta_schedule<double>);
    static_cast<void>(of_floats);
}

TEST_CASE("linear betas run from 1e-4 to 0.02 in equal steps") {
    const linear_beta beta;
    CHECK(beta(0, 1000) == 1e-4);
    CHECK(beta(999, 1000) == doctest::Approx(0.02).epsilon(1e-15));
    CHECK(beta(500, 1000) - beta(499, 1000) == doctest::Approx(0.0199 / 999).epsilon(1e-12));
    CHECK(beta(0, 1) == 1e-4);
}

TEST_CASE("scaled linear betas are linear in the square root") {
    const scaled_linear_beta beta;
    CHECK(beta(0, 1000) == doctest::Approx(0.00085).epsilon(1e-15));
    CHECK(beta(999, 1000) == doctest::Approx(0.012).epsilon(1e-15));
    CHECK(2 * std::sqrt(beta(7, 15)) == doctest::Approx(std::sqrt(0.00085) + std::sqrt(0.012)));
}

TEST_CASE("cosine betas make alpha-bar a squared cosine, except where they are capped") {
    const cosine_beta beta;
    const auto bar = [](double u) {
        const double c = std::cos(std::numbers::pi / 2 * (u + 0.008) / 1.008);
        return c * c;
    };
    const std::size_t T = 50;
    double product = 1;
    for (std::size_t t = 0; t + 1 < T; ++t) {
        product *= 1 - beta(t, T);
        CHECK(product ==
              doctest::Approx(bar(static_cast<double>(t + 1) / T) / bar(0)).epsilon(1e-12));
    }
    CHECK(beta(T - 1, T) == 0.999);
}

TEST_CASE("sigmoid betas are a logistic curve, symmetric about its middle") {
    const sigmoid_beta beta;
    CHECK(beta(50, 101) == doctest::Approx(0.01005).epsilon(1e-14));
    for (std::size_t t = 0; t < 50; ++t)
        CHECK(beta(t, 101) + beta(100 - t, 101) == doctest::Approx(0.0201).epsilon(1e-14));
    CHECK(beta(0, 101) == doctest::Approx(1e-4 + 0.0199 / (1 + std::exp(6.0))).epsilon(1e-14));
}

TEST_CASE("tabulated betas are read from a list of T numbers") {
    const tabulated_beta beta{{0.1, 0.2, 0.3}};
    CHECK(beta(1, 3) == 0.2);
    CHECK_THROWS_WITH_AS(beta(1, 4),
                         "diffusion::tabulated_beta: T must be the length of the table, got 4",
                         std::invalid_argument);
}

TEST_CASE("a cosine that is none is refused, not capped") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH_AS(cosine_beta{.s = -1}(0, 10),
                         "diffusion::cosine_beta: s must be finite and not negative, got -1",
                         std::invalid_argument);
    CHECK_THROWS_AS(cosine_beta{.s = nan}(5, 10), std::invalid_argument);
    CHECK_THROWS_WITH_AS((cosine_beta{.cap = 1.5}(9, 10)),
                         "diffusion::cosine_beta: cap must lie in (0, 1], got 1.5",
                         std::invalid_argument);
}
