#include <doctest/doctest.h>

#include <cmath>

#include <diffusion/kernel/bits.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;

TEST_CASE("a fair coin is one bit, log 2 nats") {
    CHECK(binary_entropy(0.5) == Approx(std::log(2.0)).epsilon(1e-15));
    CHECK(in_bits(binary_entropy(0.5)) == Approx(1).epsilon(1e-15));
    CHECK(in_nats(in_bits(0.3)) == Approx(0.3).epsilon(1e-15));
    CHECK(binary_entropy(0) == 0);
    CHECK(binary_entropy(1) == 0);
    CHECK(binary_entropy(1e-9) == Approx(1e-9 * (1 - std::log(1e-9))).epsilon(1e-6));
}

TEST_CASE("256 equally probable levels are 8 bits per dimension") {
    CHECK(bits_per_dim(3 * std::log(1 / 256.0), 3) == Approx(8).epsilon(1e-15));
}

TEST_CASE("a Gaussian twice as wide has one bit more") {
    CHECK(gaussian_entropy(1) == Approx(1.4189385332046727).epsilon(1e-15));
    CHECK(in_bits(gaussian_entropy(0.6) - gaussian_entropy(0.3)) == Approx(1).epsilon(1e-14));
}

TEST_CASE("probabilities, widths and dimensions that are none are refused") {
    using support::is_complete;
    using support::refusal;
    CHECK(is_complete(refusal([] { binary_entropy(1.5); }), 1.5));
    CHECK(is_complete(refusal([] { gaussian_entropy(0); }), 0));
    CHECK(is_complete(refusal([] { bits_per_dim(1, 0); }), 0));
}
