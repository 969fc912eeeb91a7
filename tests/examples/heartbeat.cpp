#include <support/heartbeat.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

using examples::heartbeat;

TEST_CASE("there are five heartbeats of twenty bins, and each is found again by its phase") {
    const auto bits = heartbeat::all<std::size_t>(2);
    CHECK(bits.size() == 200);
    const auto counts = heartbeat::count(bits);
    for (std::size_t phase = 0; phase < 5; ++phase) CHECK(counts[phase] == 2);
    CHECK(counts[5] == 0);
    std::vector<std::size_t> broken(bits.begin(), bits.begin() + 20);
    broken[7] = 1 - broken[7];
    CHECK(heartbeat::phase_of(broken) == heartbeat::period);
}

TEST_CASE("who knows the five guesses a bit from the others") {
    const diffusion::binomial_process process(diffusion::reciprocal_beta{}, 10);
    const auto bits = heartbeat::all<std::size_t>();
    std::vector<double> one(bits.size());
    heartbeat::guess(process, bits, 1, one);  // hardly anything is erased
    for (std::size_t i = 0; i < bits.size(); ++i) CHECK(std::abs(one[i] - double(bits[i])) < 1e-6);
    heartbeat::guess(process, bits, 10, one);  // all is erased
    for (const double p : one) CHECK(p == doctest::Approx(0.2));
}
