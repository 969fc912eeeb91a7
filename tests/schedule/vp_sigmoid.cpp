#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include <diffusion/schedule/vp_sigmoid.hpp>

using namespace diffusion;

TEST_CASE("the sigmoid schedule keeps its digits at both ends") {
    struct {
        double start, end, temperature, t, alpha, sigma, lambda;
    } const exact[] = {
        // from the definition with 60 digits, mpmath
        {-3, 3, 1.0, 0x1.19799812dea11p-40, 0.99999999999985026765, 5.472336877489189923e-7,
         14.418389908664259395},
        {-3, 3, 1.0, 0x1.0624dd2f1a9fcp-10, 0.9998498491274831482, 0.017328566003832689345,
         4.0552487629929069834},
        {-3, 3, 1.0, 0x1.3333333333333p-2, 0.89256028906298937009, 0.45092807673485231568,
         0.68278621044704501726},
        {-3, 3, 1.0, 0x1.0000000000000p-1, 0.7071067811865475244, 0.7071067811865475244, 0.0},
        {-3, 3, 1.0, 0x1.ccccccccccccdp-1, 0.19872791129173631159, 0.98005470116398287872,
         -1.5956717784177932799},
        {-3, 3, 1.0, 0x1.fffffff800000p-1, 1.6700246839603903016e-5, 0.99999999986055087774,
         -11.000087057696745751},
        {0, 3, 0.3, 0x1.19799812dea11p-40, 0.99999999999749977299, 2.2361694971334567782e-6,
         13.010746201814930004},
        {0, 3, 0.3, 0x1.0624dd2f1a9fcp-10, 0.99749666047066211141, 0.070713593812481568247,
         2.6466109718637775553},
        {0, 3, 0.3, 0x1.3333333333333p-2, 0.30784664248515806116, 0.95143599086360784769,
         -1.1283706676897045184},
        {0, 3, 0.3, 0x1.0000000000000p-1, 0.11530877391413156207, 0.99332969685720143207,
         -2.1534491091696358701},
        {0, 3, 0.3, 0x1.ccccccccccccdp-1, 0.012490299411575612984, 0.9999219931677716598,
         -4.3827249731533254948},
        {0, 3, 0.3, 0x1.fffffff800000p-1, 9.1958664363704040575e-7, 0.9999999999995771802,
         -13.899341568263089641},
        {-3, 3, 0.1, 0x1.19799812dea11p-40, 1.0, 2.3695091857750944161e-12, 26.768338276838222967},
        {-3, 3, 0.1, 0x1.0624dd2f1a9fcp-10, 0.99999999999999710678, 7.6068593273874162362e-8,
         16.391630360629888806},
        {-3, 3, 0.1, 0x1.3333333333333p-2, 0.99999692790802680564, 2.4787445428360781435e-3,
         6.0000000076149899301},
        {-3, 3, 0.1, 0x1.0000000000000p-1, 0.7071067811865475244, 0.7071067811865475244, 0.0},
        {-3, 3, 0.1, 0x1.ccccccccccccdp-1, 6.136592638564537146e-6, 0.99999999998117111539,
         -12.001240914684479766},
        {-3, 3, 0.1, 0x1.fffffff800000p-1, 7.231168270389444333e-11, 1.0, -23.35003541331828981},
    };
    for (const auto& e : exact) {
        CAPTURE(e.t);
        CAPTURE(e.temperature);
        const noise_level level = vp_sigmoid{e.start, e.end, e.temperature}(e.t);
        CHECK(std::abs(level.alpha / e.alpha - 1) < 2e-14);
        CHECK(std::abs(level.sigma / e.sigma - 1) < 2e-14);
        CHECK(std::abs(level.lambda - e.lambda) < 2e-14 * (1 + std::abs(e.lambda)));
    }
}

TEST_CASE("the sigmoid schedule runs from clean data to pure noise and is variance preserving") {
    const vp_sigmoid schedule;
    static_assert(noise_schedule<vp_sigmoid>);
    CHECK(schedule(0).sigma == 0);
    CHECK(std::abs(schedule(0).alpha - 1) < 1e-15);
    CHECK(schedule(1).alpha == 0);
    CHECK(schedule(1).lambda == -INFINITY);
    CHECK(schedule(0.5).lambda == doctest::Approx(0));  // as start = -end
    double above = INFINITY;
    for (int i = 0; i <= 100; ++i) {
        const noise_level level = schedule(i / 100.0);
        CHECK(level.alpha * level.alpha + level.sigma * level.sigma == doctest::Approx(1));
        if (i > 0) CHECK(level.lambda < above);
        above = level.lambda;
    }
}

TEST_CASE("the sigmoid schedule refuses what is no sigmoid") {
    CHECK_THROWS_WITH_AS((vp_sigmoid{3, -3, 1}(0.5)),
                         "diffusion::vp_sigmoid: end must be finite and exceed start, got -3",
                         std::invalid_argument);
    CHECK_THROWS_AS((vp_sigmoid{-3, 3, 0}(0.5)), std::invalid_argument);
    CHECK_THROWS_AS((vp_sigmoid{-3, 3, NAN}(0.5)), std::invalid_argument);
    CHECK_THROWS_AS((vp_sigmoid{-INFINITY, 3, 1}(0.5)), std::invalid_argument);
    CHECK_THROWS_AS(vp_sigmoid{}(1.5), std::invalid_argument);
    CHECK_THROWS_AS(vp_sigmoid{}(NAN), std::invalid_argument);
}
