#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/schedule/log_alpha_linear.hpp>
#include <diffusion/schedule/zero_terminal_snr.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("log(alpha) runs on straight lines through the levels of the discrete schedule") {
    const discrete_schedule discrete;
    const log_alpha_linear levels(discrete);
    static_assert(noise_schedule<log_alpha_linear<discrete_schedule<>>>);
    CHECK(levels.t_min() == 1e-3);
    CHECK(levels.t_max() == 1);
    for (const double i : {0.0, 1.0, 499.0, 998.0, 999.0}) {
        const noise_level ours = levels((i + 1) / 1000), theirs = discrete(i);
        CHECK(ours.alpha == Approx(theirs.alpha).epsilon(1e-13));
        CHECK(ours.sigma == Approx(theirs.sigma).epsilon(1e-10));
        CHECK(ours.lambda == Approx(theirs.lambda).epsilon(1e-10));
    }
    const double middle = std::log(levels(0.3005).alpha);
    CHECK(middle == Approx(0.5 * (std::log(discrete(299).alpha) + std::log(discrete(300).alpha)))
                        .epsilon(1e-12));
    CHECK(time_of_lambda(levels, levels(0.3005).lambda) == Approx(0.3005).epsilon(1e-12));
}

TEST_CASE("times before the first level, tables of one and pure noise are refused") {
    const log_alpha_linear levels(discrete_schedule<>{});
    CHECK_THROWS_WITH_AS(levels(0), "diffusion::log_alpha_linear: t must lie in [1/T, 1], got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(levels(1.1), std::invalid_argument);
    CHECK_THROWS_AS(levels(NAN), std::invalid_argument);
    CHECK_THROWS_AS(log_alpha_linear(discrete_schedule_of({0.1})), std::invalid_argument);
    CHECK_THROWS_AS(log_alpha_linear(zero_terminal_snr(discrete_schedule<>{})),
                    std::invalid_argument);
}
