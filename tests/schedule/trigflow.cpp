#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <ostream>
#include <stdexcept>

#include <diffusion/schedule/trigflow.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("TrigFlow keeps the variance of data with standard deviation sigma_data") {
    static_assert(noise_schedule<trigflow_schedule>);
    for (const double data : {0.5, 1.0, 3.0}) {
        double before = std::numeric_limits<double>::infinity();
        for (const double t : {0.0, 1e-9, 0.3, 0.8, 1.5, 1.5707}) {
            const noise_level at = trigflow_schedule{data}(t);
            CHECK(at.alpha * at.alpha * data * data + at.sigma * at.sigma ==
                  Approx(data * data).epsilon(1e-14));
            if (t > 0) CHECK(at.lambda == Approx(-std::log(data * std::tan(t))).epsilon(1e-11));
            CHECK((t == 0 ? std::isinf(at.lambda) : at.lambda < before));
            before = at.lambda;
        }
    }
}

TEST_CASE("TrigFlow begins at clean data and ends at pure noise") {
    const trigflow_schedule circle{0.5};
    CHECK(circle(0) == clean_data);
    CHECK(circle(circle.t_max()) == noise_level{0, 0.5, -std::numeric_limits<double>::infinity()});
}

TEST_CASE("TrigFlow refuses times off the quarter circle and a sigma_data that is none") {
    for (const double t : {-0.1, 1.5708, double(NAN)})
        CHECK_THROWS_AS(trigflow_schedule{}(t), std::invalid_argument);
    for (const double data : {0.0, -1.0, double(INFINITY), double(NAN)})
        CHECK_THROWS_AS(trigflow_schedule{data}(1), std::invalid_argument);
}
