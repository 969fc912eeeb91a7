#include "../../examples/support/bits.hpp"

#include <cmath>

#include <doctest/doctest.h>

TEST_CASE("the bits of a bound are sent one after the other, those of L_0 last") {
    diffusion::bound_terms terms;
    terms.items = 2;
    terms.dimensions = 4;
    const double bit = std::log(2.0);  // in nats
    terms.prior = {4 * bit, 0};
    terms.steps = {8 * bit, 8 * bit, 16 * bit, 0};  // step by step, both items in each
    terms.x0_mse = {4, 4, 1, 0};
    terms.total = {28 * bit, 8 * bit};
    const examples::sent_bits sent(terms);
    CHECK(sent.prior == doctest::Approx(0.5));
    CHECK(sent.rate() == doctest::Approx(2.5));
    CHECK(sent.distortion() == doctest::Approx(2));
    CHECK(sent.total() == doctest::Approx(terms.bits_per_dim()));
    CHECK(sent.root_errors[0] == doctest::Approx(255));  // 2 is the whole range
    CHECK(sent.root_errors[1] == doctest::Approx(127.5 * std::sqrt(0.5)));
}
