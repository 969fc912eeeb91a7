#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <vector>

#include <diffusion/schedule/alpha_bar_beta.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

using namespace diffusion;

namespace {

/// The references' betas of an alpha-bar function.
template <class F>
double by_definition(F alpha_bar, std::size_t t, std::size_t T) {
    const double n = static_cast<double>(T), u = static_cast<double>(t) / n;
    return std::fmin(1 - alpha_bar(u + 1 / n) / alpha_bar(u), 0.999);
}

}  // namespace

TEST_CASE("betas of any alpha-bar function multiply up to that function") {
    const alpha_bar_beta beta{[](double u) { return 1 - u * u; }, 1.0};
    static_assert(beta_schedule<decltype(beta)>);
    const discrete_schedule schedule(beta, 40);
    for (std::size_t t = 0; t < 40; ++t) {
        const double u = static_cast<double>(t + 1) / 40;
        CHECK(schedule.alpha_bar(t) == doctest::Approx(1 - u * u).epsilon(1e-13));
    }
    CHECK(schedule(39).alpha == 0);
}

TEST_CASE("the cosine betas are those of their alpha-bar function") {
    const alpha_bar_beta generic{[](double u) {
        const double c = std::cos(std::numbers::pi / 2 * (u + 0.008) / 1.008);
        return c * c;
    }};
    for (std::size_t t = 0; t < 1000; ++t)
        CHECK(std::abs(generic(t, 1000) - cosine_beta{}(t, 1000)) < 1e-12);
    CHECK(generic(999, 1000) == 0.999);
}

TEST_CASE("the cosine betas as printed end at pure noise, capped ones do not") {
    CHECK(cosine_beta{.cap = 1}(999, 1000) == 1);
    CHECK(cosine_beta{.cap = 1}(998, 1000) == cosine_beta{}(998, 1000));
    const discrete_schedule printed(cosine_beta{.cap = 1}, 1000);
    CHECK(printed(999).alpha == 0);
    CHECK(printed(998).alpha > 0);
    CHECK(discrete_schedule(cosine_beta{}, 1000)(999).alpha > 0);
}

TEST_CASE("exponential betas are all equal and give alpha-bar e^-12") {
    const discrete_schedule schedule(exponential_beta{}, 1000);
    CHECK(schedule.beta(0) == schedule.beta(999));
    CHECK(schedule.alpha_bar(999) == doctest::Approx(std::exp(-12.0)).epsilon(1e-13));
    CHECK(schedule.beta(500) ==
          doctest::Approx(by_definition([](double u) { return std::exp(-12 * u); }, 500, 1000))
              .epsilon(1e-12));
    CHECK_THROWS_WITH_AS((discrete_schedule(exponential_beta{-1}, 10)),
                         "diffusion::exponential_beta: rate must be positive, got -1",
                         std::invalid_argument);
}

TEST_CASE("Laplace betas make the log-SNR the quantiles of a Laplace distribution") {
    const std::size_t T = 100;
    const discrete_schedule schedule(laplace_beta{0.3, 0.5, 1e-6, 1.0}, T);
    // alpha-bar starts at 1 and not at the function's value at 0, which is a little less.
    const double start = std::exp(laplace_beta{0.3}.log_alpha_bar(0));
    for (const std::size_t t : {4U, 20U, 49U, 60U, 90U}) {
        const double u = static_cast<double>(t + 1) / T, alpha_bar = schedule.alpha_bar(t) * start;
        const double log_snr = std::log(alpha_bar / (1 - alpha_bar));
        const double tail = u <= 0.5 ? u : 1 - u;  // P(X > x) = e^{-(x-mu)/b}/2 above mu
        CHECK(std::abs(log_snr - 0.3) == doctest::Approx(-0.5 * std::log(2 * tail)).epsilon(1e-4));
        if (u != 0.5) CHECK((log_snr > 0.3) == (u < 0.5));
    }
}

TEST_CASE("Laplace betas with root = true are those of the references' formula") {
    const auto alpha_bar = [](double u) {
        const double side = std::copysign(1.0, 0.5 - u);
        const double log_snr = -0.5 * side * std::log(1 - 2 * std::fabs(0.5 - u) + 1e-6);
        return std::sqrt(std::exp(log_snr) / (1 + std::exp(log_snr)));
    };
    laplace_beta beta;
    beta.root = true;
    for (const std::size_t T : {10U, 1000U})
        for (std::size_t t = 0; t < T; ++t)
            CHECK(std::abs(beta(t, T) - by_definition(alpha_bar, t, T)) < 1e-12);
    CHECK_NOTHROW((discrete_schedule(beta, 1000)));
    beta.b = 0;
    CHECK_THROWS_AS(beta(0, 10), std::invalid_argument);
}

TEST_CASE("an alpha-bar function that rises or falls below 0 is refused") {
    const alpha_bar_beta rising{[](double u) { return 0.5 + u; }};
    CHECK_THROWS_WITH_AS(rising(1, 4),
                         "diffusion::alpha_bar_beta: alpha-bar must fall strictly and not below 0; "
                         "it does not at u = t/T, got 0.5",
                         std::invalid_argument);
    const alpha_bar_beta negative{[](double u) { return 1 - 2 * u; }};
    CHECK_THROWS_AS(negative(3, 4), std::invalid_argument);
    const alpha_bar_beta nan{[](double) { return NAN; }};
    CHECK_THROWS_AS(nan(0, 4), std::invalid_argument);
}
