#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/beta_quantiles.hpp>

using namespace diffusion;

TEST_CASE("quantiles of the beta distribution are found to the last digits") {
    struct {
        double a, b, p, x;
    } const exact[] = {
        // by bisection of the incomplete beta function with 60 digits, mpmath
        {0.6, 0.6, 0x1.0000000000000p-40, 1.5844702534498860576e-20},
        {0.6, 0.6, 0x1.0624dd2f1a9fcp-10, 1.8558738517451997143e-5},
        {0.6, 0.6, 0x1.0000000000000p-2, 0.1756803786526950145},
        {0.6, 0.6, 0x1.0000000000000p-1, 0.5},
        {0.6, 0.6, 0x1.8000000000000p-1, 0.8243196213473049855},
        {0.6, 0.6, 0x1.ff80000000000p-1, 0.99998216053045480942},
        {0.5, 0.5, 0x1.0000000000000p-40, 2.0409863535372883757e-24},
        {0.5, 0.5, 0x1.0624dd2f1a9fcp-10, 2.4673990709169441803e-6},
        {0.5, 0.5, 0x1.0000000000000p-2, 0.1464466094067262378},
        {0.5, 0.5, 0x1.0000000000000p-1, 0.5},
        {0.5, 0.5, 0x1.8000000000000p-1, 0.8535533905932737622},
        {0.5, 0.5, 0x1.ff80000000000p-1, 0.99999764690478808576},
        {2, 3, 0x1.0000000000000p-40, 3.893360103871624363e-7},
        {2, 3, 0x1.0624dd2f1a9fcp-10, 0.013022947370814272401},
        {2, 3, 0x1.0000000000000p-2, 0.24302208375607630235},
        {2, 3, 0x1.0000000000000p-1, 0.38572756813238954828},
        {2, 3, 0x1.8000000000000p-1, 0.54367828541908029304},
        {2, 3, 0x1.ff80000000000p-1, 0.93647467301218667113},
        {0.1, 5, 0x1.0000000000000p-40, 5.1586830674049702292e-122},
        {0.1, 5, 0x1.0624dd2f1a9fcp-10, 1.3321008721895332851e-31},
        {0.1, 5, 0x1.0000000000000p-2, 1.2703909755396035409e-7},
        {0.1, 5, 0x1.0000000000000p-1, 1.301495524091975319e-4},
        {0.1, 5, 0x1.8000000000000p-1, 7.7139232422307616781e-3},
        {0.1, 5, 0x1.ff80000000000p-1, 0.52176732122572345758},
        {30, 70, 0x1.0000000000000p-40, 0.066191535615284866234},
        {30, 70, 0x1.0624dd2f1a9fcp-10, 0.17247312173138418171},
        {30, 70, 0x1.0000000000000p-2, 0.26836782026097635323},
        {30, 70, 0x1.0000000000000p-1, 0.29866197430869572576},
        {30, 70, 0x1.8000000000000p-1, 0.33018318871976964399},
        {30, 70, 0x1.ff80000000000p-1, 0.45024887478823254636},
        {1, 1, 0x1.0000000000000p-40, 9.0949470177292823792e-13},
        {1, 1, 0x1.0624dd2f1a9fcp-10, 1.0000000000000000208e-3},
        {1, 1, 0x1.0000000000000p-2, 0.25},
        {1, 1, 0x1.0000000000000p-1, 0.5},
        {1, 1, 0x1.8000000000000p-1, 0.75},
        {1, 1, 0x1.ff80000000000p-1, 0.9990234375},
        {0.6, 1.4, 0x1.0000000000000p-40, 5.7977337924717267045e-21},
        {0.6, 1.4, 0x1.0624dd2f1a9fcp-10, 6.7908695108364905369e-6},
        {0.6, 1.4, 0x1.0000000000000p-2, 0.068560108847415102534},
        {0.6, 1.4, 0x1.0000000000000p-1, 0.22724260672904072851},
        {0.6, 1.4, 0x1.8000000000000p-1, 0.48369134777655601706},
        {0.6, 1.4, 0x1.ff80000000000p-1, 0.98904033136113209847},
    };
    for (const auto& e : exact) {
        CAPTURE(e.a);
        CAPTURE(e.b);
        CAPTURE(e.p);
        const double x = beta_quantile(e.p, e.a, e.b);
        const double nearer = e.x < 0.5 ? e.x : 1 - e.x;
        const double accuracy = e.a < 10 ? 1e-13 : 1e-12;
        CHECK(std::abs(x - e.x) < accuracy * nearer + 2e-16);
        if (e.x < 0.5) CHECK(std::abs(x / e.x - 1) < accuracy);
    }
}

TEST_CASE("the arcsine law and the uniform law have quantiles in closed form") {
    for (int i = 1; i < 200; ++i) {
        const double p = i / 200.0;
        const double sine = std::sin(std::numbers::pi / 2 * p);
        CHECK(std::abs(beta_quantile(p, 0.5, 0.5) / (sine * sine) - 1) < 1e-13);
        CHECK(beta_quantile(p, 1, 1) == doctest::Approx(p).epsilon(1e-14));
        CHECK(beta_quantile(p, 3, 1) == doctest::Approx(std::cbrt(p)).epsilon(1e-14));
        CHECK(beta_quantile(p, 1, 4) ==
              doctest::Approx(-std::expm1(0.25 * std::log1p(-p))).epsilon(1e-14));
    }
    CHECK(beta_quantile(0, 0.6, 0.6) == 0);
    CHECK(beta_quantile(1, 0.6, 0.6) == 1);
}

TEST_CASE("beta levels fall strictly from end to end, dense at both, and are symmetric for a = b") {
    for (std::size_t n = 2; n <= 300; ++n) {
        const auto sigmas = beta_sigmas(n, {0.0292, 14.6146});
        REQUIRE(sigmas.size() == n);
        CHECK(sigmas.front() == 14.6146);
        CHECK(sigmas.back() == 0.0292);
        for (std::size_t i = 1; i < n; ++i) {
            CHECK(sigmas[i] < sigmas[i - 1]);
            CHECK(std::abs(sigmas[i] + sigmas[n - 1 - i] - 14.6438) < 1e-13);
        }
    }
    CHECK(beta_sigmas(1, {0.0292, 14.6146}) == std::vector<double>{14.6146});
}

TEST_CASE("beta quantiles refuse what is no probability and no shape") {
    CHECK_THROWS_WITH_AS(beta_quantile(1.5, 1, 1),
                         "diffusion::beta_quantile: p must lie in [0, 1], got 1.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(beta_quantile(NAN, 1, 1), std::invalid_argument);
    CHECK_THROWS_WITH_AS(beta_sigmas(5, {1, 2}, 0),
                         "diffusion::beta_sigmas: a must lie in (0, 100], got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(beta_sigmas(5, {1, 2}, 1, NAN), std::invalid_argument);
    CHECK_THROWS_AS(beta_sigmas(0, {1, 2}), std::invalid_argument);
    CHECK_THROWS_AS(beta_sigmas(5, {2, 1}), std::invalid_argument);
}
