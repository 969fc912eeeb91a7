#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/beta_quantiles.hpp>
#include <diffusion/grid/sigmas.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <support/worse.hpp>

using namespace diffusion;

namespace {

double difference(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        worst = support::worse(worst, std::abs(a[i] / b[i] - 1));
    return worst;
}

constexpr sigma_range stable_diffusion{0.0292, 14.6146};

}  // namespace

TEST_CASE("Karras and exponential levels are those of k-diffusion") {
    CHECK(difference(karras_sigmas(10, stable_diffusion),
                     {14.614599999999992, 9.103404833829892, 5.479026736168096, 3.1692041472211496,
                      1.7499009612035363, 0.9144200047253521, 0.447144619920986,
                      0.20153187375743564, 0.08198091496087014, 0.029200000000000004}) < 1e-14);
    CHECK(difference(exponential_sigmas(10, stable_diffusion),
                     {14.614599999999996, 7.3257677560189505, 3.6721410928199845,
                      1.8407108517053383, 0.9226814422274406, 0.46250666857436046,
                      0.23183778136834357, 0.11621185276197656, 0.058252777621755646, 0.0292}) <
          1e-14);
    CHECK(difference(vp_sigmas(10),
                     {152.1669702839464, 53.309847477391756, 21.0956240704022, 9.4031965545555,
                      4.680639867003467, 2.5494299327452916, 1.461971827811612, 0.8228990153877652,
                      0.3817021855019362, 0.010485992786706403}) < 1e-12);
}

TEST_CASE("each list is evenly spaced in its own coordinate") {
    const auto check = [](const std::vector<double>& sigmas, auto coordinate) {
        const std::size_t last = sigmas.size() - 1;
        const double first = coordinate(sigmas[0]), width = coordinate(sigmas[last]) - first;
        for (std::size_t i = 0; i <= last; ++i)
            CHECK(std::abs((coordinate(sigmas[i]) - first) / width -
                           static_cast<double>(i) / static_cast<double>(last)) < 1e-13);
    };
    check(karras_sigmas(30, stable_diffusion, 5), [](double s) { return std::pow(s, 0.2); });
    check(exponential_sigmas(30, stable_diffusion), [](double s) { return std::log(s); });
    check(kl_optimal_sigmas(30, stable_diffusion), [](double s) { return std::atan(s); });
    check(polyexponential_sigmas(30, stable_diffusion, 3),
          [](double s) { return std::cbrt(std::log(s / 0.0292) / std::log(14.6146 / 0.0292)); });
    check(vp_sigmas(30), [](double s) {  // t from sigma^2 + 1 = e^{beta_d t^2/2 + beta_min t}
        const double integral = std::log1p(s * s);
        return 2 * integral / (0.1 + std::sqrt(0.01 + 2 * 19.9 * integral));
    });
}

TEST_CASE("lists that are one formula agree") {
    CHECK(difference(polyexponential_sigmas(17, stable_diffusion, 1),
                     exponential_sigmas(17, stable_diffusion)) < 1e-14);
    // Karras' list tends to the exponential one for a large rho and is even in sigma for rho = 1.
    CHECK(difference(karras_sigmas(17, stable_diffusion, 1e6),
                     exponential_sigmas(17, stable_diffusion)) < 1e-4);
    CHECK(difference(karras_sigmas(17, stable_diffusion, 1),
                     beta_sigmas(17, stable_diffusion, 1, 1)) < 1e-13);
    const std::vector<double> vp = vp_sigmas(9);
    for (std::size_t i = 0; i < 9; ++i) {
        const double u = static_cast<double>(i) / 8;
        CHECK(vp[i] == doctest::Approx(noise_to_signal(vp_linear{}((1 - u) + u * 1e-3))));
    }
}

TEST_CASE("KL-optimal levels keep their digits over twenty decades") {
    const std::vector<double> sigmas = kl_optimal_sigmas(3, {1e-10, 1e10});
    CHECK(sigmas[1] == doctest::Approx(1).epsilon(1e-9));
    CHECK(std::abs(kl_optimal_sigmas(1001, {1e-4, 1e8})[1] *
                       std::tan(1e-8 + (std::atan(1e4) - 1e-8) / 1000) -
                   1) < 1e-12);
}

TEST_CASE("every list has exactly n levels that fall strictly between the two ends") {
    const auto check = [](const std::vector<double>& sigmas, std::size_t n, const sigma_range& r) {
        REQUIRE(sigmas.size() == n);
        CHECK(sigmas.front() == r.highest);
        if (n > 1) CHECK(sigmas.back() == r.lowest);
        bool falls = true;
        for (std::size_t i = 1; i < n; ++i) falls = falls && sigmas[i] < sigmas[i - 1];
        CHECK(falls);
    };
    for (const sigma_range range : {stable_diffusion, {0.002, 80}, {1e-6, 1e6}})
        for (std::size_t n = 1; n <= 200; ++n) {
            CAPTURE(n);
            for (const double rho : {0.5, 1.0, 7.0, 40.0})
                check(karras_sigmas(n, range, rho), n, range);
            for (const double rho : {0.5, 1.0, 3.0})
                check(polyexponential_sigmas(n, range, rho), n, range);
            check(exponential_sigmas(n, range), n, range);
            check(kl_optimal_sigmas(n, range), n, range);
            const std::vector<double> vp = vp_sigmas(n);
            check(vp, n, {vp.back(), vp.front()});
        }
}

TEST_CASE("nonsense is refused with the function, the rule and the value") {
    CHECK_THROWS_WITH_AS(karras_sigmas(0, stable_diffusion),
                         "diffusion::karras_sigmas: the number of noise levels must be at least 1, "
                         "got 0",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(exponential_sigmas(5, {2, 1}),
                         "diffusion::exponential_sigmas: the highest noise level must be finite "
                         "and exceed the lowest, got 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(karras_sigmas(5, stable_diffusion, 0),
                         "diffusion::karras_sigmas: rho must be finite and positive, got 0",
                         std::invalid_argument);
    const double infinity = std::numeric_limits<double>::infinity();
    for (const sigma_range& bad :
         {sigma_range{0, 1}, {-1, 1}, {1, 1}, {NAN, 1}, {1, NAN}, {1, infinity}}) {
        CHECK_THROWS_AS(karras_sigmas(5, bad), std::invalid_argument);
        CHECK_THROWS_AS(exponential_sigmas(5, bad), std::invalid_argument);
        CHECK_THROWS_AS(polyexponential_sigmas(5, bad), std::invalid_argument);
        CHECK_THROWS_AS(kl_optimal_sigmas(5, bad), std::invalid_argument);
    }
    for (const double bad : {0.0, -1.0, double(NAN), infinity}) {
        CHECK_THROWS_AS(karras_sigmas(5, stable_diffusion, bad), std::invalid_argument);
        CHECK_THROWS_AS(polyexponential_sigmas(5, stable_diffusion, bad), std::invalid_argument);
        CHECK_THROWS_AS(vp_sigmas(5, bad), std::invalid_argument);
        CHECK_THROWS_AS(vp_sigmas(5, 19.9, 0.1, bad), std::invalid_argument);
    }
    CHECK_THROWS_AS(vp_sigmas(0), std::invalid_argument);
    // Exponents for which neighbours are one number in double precision.
    CHECK_THROWS_WITH_AS(karras_sigmas(5, stable_diffusion, 1e-300),
                         "diffusion::karras_sigmas: the noise levels must fall strictly, but two "
                         "are too close to tell apart, got 14.6146",
                         std::invalid_argument);
    CHECK_THROWS_AS(polyexponential_sigmas(50, stable_diffusion, 1e6), std::invalid_argument);
    CHECK_THROWS_AS(exponential_sigmas(9, {1, 1 + 1e-15}), std::invalid_argument);
    CHECK_THROWS_AS(beta_sigmas(9, stable_diffusion, 1e-3), std::invalid_argument);
    CHECK(karras_sigmas(5, stable_diffusion, 1e-3)[1] == doctest::Approx(14.6146).epsilon(1e-3));
    CHECK_THROWS_AS(vp_sigmas(5, 19.9, -1), std::invalid_argument);
    CHECK_THROWS_AS(vp_sigmas(5, 1e4), std::invalid_argument);  // sigma overflows
}
