#include <diffusion/discrete/binomial_kernel.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <limits>
#include <sstream>
#include <vector>

#include <diffusion/discrete/categorical_posterior.hpp>
#include <diffusion/discrete/uniform_kernel.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

static_assert(categorical_kernel<binomial_kernel>);

TEST_CASE("a bit is kept, or drawn anew from a fair coin, as a category is by the uniform kernel") {
    for (const double keep : {0.0, 0.3, 1.0}) {
        const binomial_kernel step = binomial_forward(keep);
        const uniform_kernel same(2, keep);
        for (const std::size_t i : {0U, 1U})
            for (const std::size_t j : {0U, 1U}) CHECK(step(i, j) == Approx(same(i, j)));
        CHECK(step.one(1) == Approx(keep + 0.5 * (1 - keep)));  // B(x; x keep + (1 - keep)/2)
        CHECK(step.one(0.25) == Approx(0.25 * keep + 0.5 * (1 - keep)));
    }
}

TEST_CASE("erasing twice is erasing once with the product of what is kept") {
    const binomial_kernel both = binomial_forward(0.7).then(binomial_forward(0.4));
    CHECK(both.one_after_0 == Approx(binomial_forward(0.28).one_after_0).epsilon(1e-15));
    CHECK(both.one_after_1 == Approx(binomial_forward(0.28).one_after_1).epsilon(1e-15));
}

TEST_CASE("any two steps of a bit compose as their matrices do") {
    const binomial_kernel first{0.1, 0.7}, second{0.4, 0.95}, both = first.then(second);
    for (const std::size_t i : {0U, 1U})
        for (const std::size_t j : {0U, 1U})
            CHECK(both(i, j) == Approx(first(i, 0) * second(0, j) + first(i, 1) * second(1, j)));
}

TEST_CASE("a bit that flips does so from both sides") {
    CHECK(binomial_flip(0.2) == binomial_kernel{0.2, 0.8});
    CHECK(binomial_flip(0)(1, 1) == 1);
    // erasing is flipping in half of the cases
    CHECK(binomial_flip(0.35).one_after_0 == Approx(binomial_forward(0.3).one_after_0));
}

TEST_CASE("the posterior of a bit is Bayes' rule, as that of a category") {
    for (const double keep_s : {0.9, 0.2, 0.0}) {
        for (const double keep_step : {0.8, 0.1, 0.0}) {
            const binomial_kernel to_s = binomial_forward(keep_s),
                                  step = binomial_forward(keep_step);
            const binomial_posterior q = posterior(to_s, step);
            for (const std::size_t x_t : {0U, 1U}) {
                for (const std::size_t x_0 : {0U, 1U}) {
                    std::vector<double> same(2);
                    posterior(categorical_step{to_s, step}, x_t, x_0, std::span<double>(same));
                    CHECK(q.one[x_t][x_0] == Approx(same[1]).epsilon(1e-14));
                }
            }
        }
    }
}

TEST_CASE("at the data the posterior is the data, whatever x_t is") {
    const binomial_posterior q = posterior(binomial_forward(1), binomial_forward(0.5));
    for (const std::size_t x_t : {0U, 1U}) {
        CHECK(q.one[x_t][0] == 0);
        CHECK(q.one[x_t][1] == 1);
        CHECK(q(x_t, 0.3) == Approx(0.3));
    }
    // nothing was erased: that x_t differs from x_0 is impossible, and no number is undefined
    CHECK(posterior(binomial_forward(1), binomial_forward(1)).one[0][1] == 1);
}

TEST_CASE("with an estimate of x_0 the reverse kernel is the mixture of both posteriors") {
    const binomial_posterior q = posterior(binomial_forward(0.6), binomial_forward(0.7));
    const binomial_kernel p = q.given(0.25);
    CHECK(p.one_after_0 == Approx(0.75 * q.one[0][0] + 0.25 * q.one[0][1]));
    CHECK(p.one_after_1 == Approx(0.75 * q.one[1][0] + 0.25 * q.one[1][1]));
    CHECK(q.given(1) == binomial_kernel{q.one[0][1], q.one[1][1]});
}

TEST_CASE("binomial kernels are values that print") {
    std::ostringstream text;
    text << binomial_kernel{0.25, 0.5};
    CHECK(text.str() == "B(1 - x) 0.25, B(x) 0.5");
    CHECK(binomial_forward(0.5) != binomial_forward(0.25));
}

TEST_CASE("what is no probability is refused") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(is_complete(refusal([] { binomial_forward(1.5); }), 1.5));
    CHECK(is_complete(refusal([] { binomial_forward(-0.1); }), -0.1));
    CHECK(is_complete(refusal([&] { binomial_flip(nan); })));
    CHECK(is_complete(refusal([] { binomial_posterior{}.given(2); }), 2.0));
}
