#include <doctest/doctest.h>

#include <cmath>
#include <ostream>
#include <stdexcept>

#include <diffusion/schedule/sub_vp.hpp>

using namespace diffusion;

TEST_CASE("the sub-VP schedule keeps its digits at both ends") {
    struct {
        double t, alpha, sigma, lambda;
    } const exact[] = {
        // from the definition with 60 digits, mpmath
        {0x1.19799812dea11p-40, 0.99999999999995, 1.0000000000994499799e-13, 29.933606208823093912},
        {0x1.0624dd2f1a9fcp-10, 0.99994502651109762151, 1.0994395572027488411e-4,
         9.1154848404597954537},
        {0x1.3333333333333p-2, 0.62955000033644884594, 0.60366679707637725797,
         0.041982893737518367318},
        {0x1.ccccccccccccdp-1, 0.016996463261689271532, 0.99971112023659404689,
         -4.0744610785027978344},
        {0x1.0000000000000p+0, 6.5715864949296150141e-3, 0.9999568142509396587,
         -5.0249568133184083496},
    };
    for (const auto& e : exact) {
        CAPTURE(e.t);
        const noise_level level = sub_vp_linear{}(e.t);
        CHECK(std::abs(level.alpha / e.alpha - 1) < 5e-15);
        CHECK(std::abs(level.sigma / e.sigma - 1) < 5e-15);
        CHECK(std::abs(level.lambda - e.lambda) < 5e-15 * (1 + std::abs(e.lambda)));
    }
}

TEST_CASE(
    "the sub-VP process has the square of the noise of the VP process, with the same signal") {
    static_assert(noise_schedule<sub_vp_linear>);
    for (const double t : {1e-9, 0.01, 0.2, 0.5, 0.8, 1.0}) {
        const noise_level vp = vp_linear{}(t), sub = sub_vp_linear{}(t);
        CHECK(sub.alpha == vp.alpha);
        CHECK(sub.sigma == doctest::Approx(vp.sigma * vp.sigma).epsilon(1e-14));
        CHECK(sub.sigma < vp.sigma);
    }
    CHECK(sub_vp_linear{}(0) == clean_data);
    CHECK_THROWS_AS((sub_vp_linear{1, 0.5}(0.5)), std::invalid_argument);
    CHECK_THROWS_WITH_AS(sub_vp_linear{}(-1),
                         "diffusion::sub_vp_linear: t must lie in [0, 1], got -1",
                         std::invalid_argument);
}
