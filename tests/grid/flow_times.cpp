#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <diffusion/grid/flow_times.hpp>
#include <diffusion/grid/time_grid.hpp>

using namespace diffusion;

TEST_CASE("flow times are even, and a shift bends them towards the noise") {
    const auto even = flow_times(5, 1, 0.2);
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(even[i] == doctest::Approx(1 - 0.2 * static_cast<double>(i)).epsilon(1e-15));
    const auto shifted = shifted_times(even, 3);
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(shifted[i] == doctest::Approx(3 * even[i] / (1 + 2 * even[i])).epsilon(1e-15));
    CHECK(flow_times(1) == std::vector<double>{1});
}

TEST_CASE("times on the plain line, shifted, and even times on the shifted schedule are one grid") {
    const auto even = flow_times(7, 1, 1e-3);
    const time_grid on_line = make_grid(flow_schedule{}, shifted_times(even, 2.5));
    const time_grid on_shifted = make_grid(shifted_flow_schedule{2.5}, even);
    REQUIRE(on_line.size() == 8);
    REQUIRE(on_shifted.size() == 8);
    for (std::size_t i = 0; i < 7; ++i) {
        CHECK(on_line[i].sigma == doctest::Approx(on_shifted[i].sigma).epsilon(1e-14));
        CHECK(on_line[i].t >= on_shifted[i].t);  // only what the network is told differs
    }
}

TEST_CASE("mu is linear in the number of tokens") {
    CHECK(image_mu(256) == 0.5);
    CHECK(image_mu(4096) == doctest::Approx(1.15).epsilon(1e-15));
    CHECK(image_mu(2176) == doctest::Approx(0.825).epsilon(1e-15));
    CHECK(image_mu(16, {.few = 16, .many = 32, .low = 1, .high = 2}) == 1);
    CHECK(image_mu(64) < 0.5);
}

TEST_CASE("stretched times end at the terminal one and keep their proportions about t = 1") {
    const auto before = shifted_times(flow_times(9), 1.5);
    const auto after = stretched_times(before, 0.1);
    CHECK(after.front() == 1);
    CHECK(after.back() == 0.1);
    for (std::size_t i = 1; i < 9; ++i)
        CHECK((1 - after[i]) / (1 - before[i]) ==
              doctest::Approx(0.9 / (1 - before.back())).epsilon(1e-13));
}

TEST_CASE("for every n there are exactly n times that fall strictly, whatever the shift") {
    for (std::size_t n = 1; n <= 200; ++n)
        for (const double shift : {0.3, 1.0, 3.0, 12.0}) {
            const auto times = shifted_times(flow_times(n), shift);
            REQUIRE(times.size() == n);
            CHECK(make_grid(flow_schedule{}, times).size() == n + 1);  // throws unless they fall
            if (n > 1)
                CHECK(make_grid(flow_schedule{}, stretched_times(times, 0.05)).size() == n + 1);
        }
}

TEST_CASE("times outside of the line, and no tokens, are refused") {
    CHECK_THROWS_WITH_AS(flow_times(0),
                         "diffusion::flow_times: the number of times must be at least 1, got 0",
                         std::invalid_argument);
    CHECK_THROWS_AS(flow_times(3, 0.2, 0.5), std::invalid_argument);
    CHECK_THROWS_AS(flow_times(3, 1.5), std::invalid_argument);
    CHECK_THROWS_AS(flow_times(3, 1, NAN), std::invalid_argument);
    CHECK_THROWS_AS(shifted_times({0.5}, -1), std::invalid_argument);
    CHECK_THROWS_AS(shifted_times({NAN}, 1), std::invalid_argument);
    CHECK_THROWS_AS(image_mu(0), std::invalid_argument);
    CHECK_THROWS_AS(image_mu(5, {.few = 9, .many = 9}), std::invalid_argument);
    CHECK_THROWS_AS(stretched_times({}, 0.1), std::invalid_argument);
    CHECK_THROWS_AS(stretched_times({0.5}, 0), std::invalid_argument);
    CHECK_THROWS_AS(stretched_times({0.5}, 1), std::invalid_argument);
    CHECK_THROWS_AS(stretched_times({0.5}, NAN), std::invalid_argument);
    CHECK_THROWS_AS(stretched_times({1}, 0.1), std::invalid_argument);
}
