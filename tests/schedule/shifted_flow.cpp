#include <doctest/doctest.h>

#include <cmath>
#include <ostream>
#include <stdexcept>

#include <diffusion/schedule/shifted_flow.hpp>

using namespace diffusion;

TEST_CASE("a shift multiplies the noise-to-signal ratio at every time") {
    static_assert(noise_schedule<shifted_flow_schedule>);
    for (const double t : {1e-12, 1e-3, 0.3, 0.5, 0.9, 1 - 0x1p-40})
        for (const double shift : {0.5, 1.0, 3.0, 12.0}) {
            const noise_level plain = flow_schedule{}(t), shifted = shifted_flow_schedule{shift}(t);
            CHECK(noise_to_signal(shifted) ==
                  doctest::Approx(shift * noise_to_signal(plain)).epsilon(1e-14));
            CHECK(shifted.alpha + shifted.sigma == doctest::Approx(1).epsilon(1e-15));
            CHECK(shifted.lambda == doctest::Approx(plain.lambda - std::log(shift)).epsilon(1e-14));
            CHECK(shifted.sigma == doctest::Approx(shifted_time(t, shift)).epsilon(1e-15));
        }
    CHECK(shifted_flow_schedule{3}(0) == clean_data);
    CHECK(shifted_flow_schedule{3}(1).alpha == 0);
    CHECK(shifted_time(0.5, 3) == 0.75);
    CHECK(shifted_time(1, 3) == 1);
}

TEST_CASE("shifts undo each other and may be applied at once") {
    CHECK(shifted_time(shifted_time(0.3, 3), 1 / 3.0) == doctest::Approx(0.3));
    CHECK(shifted_time(shifted_time(0.3, 3), 2) == doctest::Approx(shifted_time(0.3, 6)));
}

TEST_CASE("a shift must be positive") {
    CHECK_THROWS_WITH_AS(shifted_time(0.5, 0),
                         "diffusion::shifted_time: the shift must be finite and positive, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(shifted_flow_schedule{NAN}(0.5), std::invalid_argument);
    CHECK_THROWS_AS(shifted_flow_schedule{INFINITY}(0.5), std::invalid_argument);
    CHECK_THROWS_AS(shifted_time(1.5, 2), std::invalid_argument);
}
