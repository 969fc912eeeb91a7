#include <diffusion/discrete/binomial_process.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <span>
#include <vector>

#include <diffusion/discrete/categorical_process.hpp>
#include <diffusion/discrete/categorical_sample.hpp>
#include <diffusion/discrete/d3pm.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

static_assert(categorical_process<binomial_process>);

TEST_CASE("with the paper's betas the signal falls in a straight line, and nothing is left") {
    const binomial_process process(reciprocal_beta{}, 2000);
    CHECK(process.steps() == 2000);
    for (const std::size_t t : {0U, 1U, 500U, 1999U, 2000U})
        CHECK(process.kept(t) == Approx(1 - static_cast<double>(t) / 2000).epsilon(1e-10));
    CHECK(process.kept(2000) == 0);
    CHECK(process.kernel(0, 2000) == binomial_kernel{0.5, 0.5});
}

TEST_CASE("kernels of bits compose: x_0 to x_s to x_t is x_0 to x_t") {
    const binomial_process process(reciprocal_beta{}, 20);
    for (std::size_t t = 0; t <= 20; ++t) {
        for (std::size_t s = 0; s <= t; ++s) {
            const binomial_kernel way = process.kernel(0, s).then(process.kernel(s, t));
            CHECK(way.one_after_0 == Approx(process.kernel(0, t).one_after_0).epsilon(1e-13));
            CHECK(way.one_after_1 == Approx(process.kernel(0, t).one_after_1).epsilon(1e-13));
        }
        CHECK(process.kernel(t, t) == binomial_forward(1));
    }
}

TEST_CASE("binomial diffusion is the uniform process of two categories") {
    const binomial_process process(reciprocal_beta{}, 8);
    const auto same = uniform_d3pm(2, reciprocal_beta{}, 8);
    for (std::size_t t = 0; t <= 8; ++t)
        CHECK(process.kernel(0, t)(1, 1) == Approx(same.kernel(0, t)(1, 1)).epsilon(1e-14));
    CHECK(process.prior(0) == same.prior(0));
}

TEST_CASE("Bayes' rule holds for whole chains: by brute force over all of their states") {
    const binomial_process process(reciprocal_beta{}, 4);
    // joint[x_0][x_1][x_2][x_3][x_4] of a chain that starts from a fair coin, 32 states
    double joint[32];
    for (std::size_t state = 0; state < 32; ++state) {
        joint[state] = 0.5;
        for (std::size_t t = 1; t <= 4; ++t)
            joint[state] *= process.kernel(t - 1, t)(state >> (t - 1) & 1, state >> t & 1);
    }
    for (std::size_t t = 1; t <= 4; ++t) {
        for (std::size_t s = 0; s < t; ++s) {
            const binomial_posterior q = process.posterior(s, t);
            for (std::size_t x_t = 0; x_t < 2; ++x_t) {
                for (std::size_t x_0 = 0; x_0 < 2; ++x_0) {
                    double with_one = 0, all = 0;
                    for (std::size_t state = 0; state < 32; ++state) {
                        if ((state & 1) != x_0 || (state >> t & 1) != x_t) continue;
                        all += joint[state];
                        if (state >> s & 1) with_one += joint[state];
                    }
                    CHECK(q.one[x_t][x_0] == Approx(with_one / all).epsilon(1e-13));
                }
            }
        }
    }
}

TEST_CASE("the evidence of a bit is Bayes' rule for a fair x_0") {
    const binomial_process process(reciprocal_beta{}, 4);
    const binomial_kernel jump = process.kernel(0, 3);
    CHECK(process.evidence(3) == Approx(std::log(jump(1, 1) / jump(0, 1))));
    CHECK(process.evidence(4) == 0);
    CHECK(std::isinf(process.evidence(0)));
}

TEST_CASE("bits are drawn from the jump, each of them by itself") {
    const binomial_process process(reciprocal_beta{}, 10);
    constexpr std::size_t count = 40000;
    const std::vector<std::size_t> x_0(count, 1);
    std::vector<std::size_t> x_t(count), part(100);
    q_sample(process.kernel(0, 7), std::span(x_0), std::span(x_t), 5, {noise_stream::forward, 7});
    double ones = 0;
    for (const std::size_t bit : x_t) ones += static_cast<double>(bit);
    CHECK(ones / count == Approx(0.65).epsilon(0.015));  // 0.3 kept, and half of the others
    // a piece of the batch, drawn elsewhere, is the same
    q_sample(process.kernel(0, 7), std::span(x_0).first(100), std::span(part), 5,
             {noise_stream::forward, 7}, 333);
    CHECK(part == std::vector<std::size_t>(x_t.begin() + 333, x_t.begin() + 433));
}

TEST_CASE("steps stay what they are where nothing that a double can tell is left of x_0") {
    const binomial_process process([](auto, auto) { return 0.9; }, 600);
    CHECK(process.kept(500) == 0);
    CHECK(process.kernel(500, 501)(1, 1) == Approx(0.55));
    CHECK(process.posterior(500, 501).one[1][0] == Approx(0.55));
}

TEST_CASE("states other than 0 and 1, times that are not there and impossible betas are refused") {
    const binomial_process process(reciprocal_beta{}, 4);
    const std::vector<std::size_t> two{0, 2};
    std::vector<std::size_t> out(2);
    CHECK(is_complete(
        refusal([&] { q_sample(process.kernel(0, 1), std::span(two), std::span(out), 1, {}); }),
        2));
    CHECK(is_complete(refusal([&] { process.kernel(0, 5); }), 5));
    CHECK(is_complete(refusal([&] { process.kernel(3, 2); }), 3));
    CHECK(is_complete(refusal([&] { process.posterior(2, 2); }), 2));
    CHECK(is_complete(refusal([] { binomial_process(reciprocal_beta{}, 0); }), 0));
    CHECK(is_complete(refusal([] { binomial_process([](auto, auto) { return 1.5; }, 3); }), 1.5));
    CHECK(is_complete(refusal([] { binomial_process([](auto, auto) { return 1.0; }, 3); }), 1.0));
}
