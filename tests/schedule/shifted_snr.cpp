#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>

#include <diffusion/schedule/shifted_snr.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("every signal-to-noise ratio is divided by the factor") {
    const discrete_schedule schedule(scaled_linear_beta{}, 1000);
    for (const double factor : {0.25, 1.0, 3.0, 100.0}) {
        const auto shifted = shifted_snr(schedule, factor);
        for (std::size_t t = 0; t < 1000; t += 37) {
            const double lambda = schedule(static_cast<double>(t)).lambda;
            CHECK(shifted(static_cast<double>(t)).lambda ==
                  Approx(lambda - 0.5 * std::log(factor)).epsilon(1e-11));
            const double bar = schedule.alpha_bar(t);
            CHECK(shifted.alpha_bar(t) ==
                  Approx(bar / (factor + (1 - factor) * bar)).epsilon(1e-11));
        }
    }
}

TEST_CASE("a schedule that ends at pure noise still does, and one may be made to afterwards") {
    const discrete_schedule<> schedule;
    CHECK(shifted_snr(zero_terminal_snr(schedule), 3).beta(999) == 1);
    CHECK(zero_terminal_snr(shifted_snr(schedule, 3))(999).alpha == 0);
}

TEST_CASE("a factor that is not positive is refused") {
    for (const double factor : {0.0, -1.0, double(INFINITY), double(NAN)})
        CHECK_THROWS_AS(shifted_snr(discrete_schedule<>{}, factor), std::invalid_argument);
}
