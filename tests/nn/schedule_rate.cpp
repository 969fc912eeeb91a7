#include <doctest/doctest.h>
#include <diffusion/nn/schedule_rate.hpp>

#include <cstddef>

using doctest::Approx;

TEST_CASE("the rate rises in a straight line to its peak, then falls along half a cosine") {
    const diffusion::nn::warmup_cosine rate{.peak = 2, .warmup = 4, .total = 104, .last = 0.5};
    CHECK(rate(0) == Approx(0.5));
    CHECK(rate(3) == Approx(2));
    CHECK(rate(4) == Approx(2));
    CHECK(rate(54) == Approx(1.25));
    CHECK(rate(104) == Approx(0.5));
    CHECK(rate(1000000) == Approx(0.5));
    for (std::size_t step = 4; step < 103; ++step) CHECK(rate(step + 1) < rate(step));
}

TEST_CASE("without warm-up the first step has the full rate") {
    const diffusion::nn::warmup_cosine rate{.peak = 1, .warmup = 0, .total = 10};
    CHECK(rate(0) == 1);
    CHECK(rate(10) == 0);
}
