#include <doctest/doctest.h>
#include <discrete/categorical_toy.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <diffusion/discrete/categorical_divergence.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// Calls check(process, back, s, x_t, x_0) for all steps and states that are possible.
template <class Check>
void each_case(Check&& check) {
    support::each_toy_process([&](const auto& process) {
        for (std::size_t t = 1; t <= 6; ++t)
            for (std::size_t s = 0; s < t; s += 2)
                for (std::size_t x_0 = 0; x_0 < process.categories(); ++x_0)
                    for (std::size_t x_t = 0; x_t < process.categories(); ++x_t)
                        if (process.jump(t)(x_0, x_t) > 0)
                            check(process, step_back(process, t, s), s, x_t, x_0);
    });
}

const std::vector<double> some_logits = {0.3, -0.4, 1.1, -2};

}  // namespace

TEST_CASE("a term of the bound is the divergence of two distributions, L_0 a logarithm") {
    each_case(
        [](const auto& process, const auto& back, std::size_t s, std::size_t x_t, std::size_t x_0) {
            const std::size_t K = process.categories();
            std::vector<double> p_0(K), q(K), p(K), scratch(K);
            probabilities_of(std::span(some_logits).first(K), std::span(p_0));
            posterior(back, x_t, x_0, q);
            p_theta(back, x_t, p_0, p);
            double expected = 0;
            for (std::size_t k = 0; k < K; ++k)
                if (q[k] > 0) expected += q[k] * std::log(q[k] / p[k]);
            const double term = categorical_divergence(back, x_t, x_0, p_0, std::span(scratch));
            CHECK(term == Approx(expected).epsilon(1e-12).scale(1));
            if (s == 0) CHECK(term == Approx(-std::log(p[x_0])).epsilon(1e-12).scale(1));
        });
}

TEST_CASE("slopes with respect to the logits are differences of the term") {
    each_case(
        [](const auto& process, const auto& back, std::size_t, std::size_t x_t, std::size_t x_0) {
            const std::size_t K = process.categories();
            std::vector<double> logits(some_logits), p_0(K), scratch(K), slope(K), unused(K);
            const auto term = [&](std::span<double> to) {
                probabilities_of(std::span<const double>(logits).first(K), std::span(p_0));
                return categorical_divergence(back, x_t, x_0, p_0, std::span(scratch), to);
            };
            term(slope);
            for (std::size_t k = 0; k < K; ++k) {
                const double h = 1e-5;
                logits[k] += h;
                const double above = term({});
                logits[k] -= 2 * h;
                const double below = term({});
                logits[k] += h;
                CHECK(slope[k] == Approx((above - below) / (2 * h)).epsilon(1e-7).scale(1));
            }
        });
}

TEST_CASE("a network that is surely wrong costs much, but no infinity") {
    const auto process = uniform_d3pm(3, reciprocal_beta{}, 6);
    const std::vector<double> logits = {0, -1e6, -1e6};
    std::vector<double> p_0(3), scratch(3), slope(3);
    probabilities_of(std::span(logits), std::span(p_0));
    const double term = categorical_divergence(step_back(process, 1, 0), 2, 1, p_0,
                                               std::span(scratch), std::span(slope));
    CHECK(term > 60);
    CHECK(std::isfinite(term));
    for (const double value : slope) CHECK(std::isfinite(value));
    CHECK(slope[1] < -0.9);  // and the way out is shown
}

TEST_CASE("with a mask the bound is a cross-entropy of what is masked, weighted by 1 / t") {
    // Austin et al. 2021, appendix A.3: beta_t = 1 / (T - t + 1) unmasks each element with
    // probability 1/t in the step from t
    const auto process = absorbing_d3pm(4, 3, reciprocal_beta{}, 50);
    const std::vector<double> logits = {0.3, -0.4, 1.1, -std::numeric_limits<double>::infinity()};
    std::vector<double> p_0(4), scratch(4);
    probabilities_of(std::span(logits), std::span(p_0));
    for (std::size_t t = 1; t <= 50; ++t) {
        const auto back = step_back(process, t, t - 1);
        for (std::size_t x_0 = 0; x_0 < 3; ++x_0) {
            CHECK(categorical_divergence(back, 3, x_0, p_0, std::span(scratch)) ==
                  Approx(-std::log(p_0[x_0]) / double(t)).epsilon(1e-11));
            if (t < 50)  // what can be seen costs nothing
                CHECK(categorical_divergence(back, x_0, x_0, p_0, std::span(scratch)) ==
                      Approx(0).scale(1).epsilon(1e-14));
        }
    }
}

TEST_CASE("what is left of x_0 in the end is nothing, a little, or lets no prior do") {
    CHECK(prior_divergence(uniform_d3pm(3, reciprocal_beta{}, 6), 1) == 0);
    CHECK(prior_divergence(absorbing_d3pm(4, 3, reciprocal_beta{}, 6), 1) == 0);
    const auto little = d3pm(std::vector{uniform_kernel(2, 0.5)});  // 3/4 and 1/4 against 1/2
    CHECK(prior_divergence(little, 0) ==
          Approx(0.75 * std::log(1.5) + 0.25 * std::log(0.5)).epsilon(1e-14));
    CHECK(prior_divergence(d3pm(std::vector{absorbing_kernel(2, 1, 0.5)}), 0) ==
          std::numeric_limits<double>::infinity());
}

TEST_CASE("divergences refuse states that there are not") {
    const auto process = absorbing_d3pm(4, 3, reciprocal_beta{}, 6);
    const auto back = step_back(process, 4, 3);
    const std::vector<double> p_0(4, 0.25);
    std::vector<double> scratch(4);
    const auto call = [&](std::size_t x_t, std::size_t x_0, std::size_t slopes) {
        std::vector<double> slope(slopes);
        return refusal([&] {
            categorical_divergence(back, x_t, x_0, p_0, std::span(scratch), std::span(slope));
        });
    };
    CHECK(is_complete(call(4, 0, 4), 4));
    CHECK(is_complete(call(0, 7, 4), 7));
    CHECK(is_complete(call(1, 0, 4), 1));
    CHECK(is_complete(call(0, 0, 3), 3));
    CHECK(is_complete(refusal([&] { prior_divergence(process, 4); }), 4));
}
