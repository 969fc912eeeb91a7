#include <doctest/doctest.h>
#include <discrete/categorical_toy.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/discrete/categorical_posterior.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;
using support::toy_marginal;

TEST_CASE("the posterior is Bayes' rule over whole paths, whatever steps are skipped") {
    support::each_toy_process([](const auto& process) {
        const std::size_t K = process.categories();
        std::vector<double> out(K);
        for (std::size_t t = 1; t <= 4; ++t)
            for (std::size_t s = 0; s < t; ++s)
                for (std::size_t x_0 = 0; x_0 < K; ++x_0)
                    for (std::size_t x_t = 0; x_t < K; ++x_t) {
                        // all paths from x_0 to x_t, sorted by where they are at s
                        std::vector<double> joint(K, 0.0);
                        double all = 0;
                        for (std::size_t path = 0; path < 256; ++path) {
                            std::size_t code = path, x = x_0, at_s = x_0;
                            double p = 1;
                            for (std::size_t i = 1; i <= t; ++i, code /= 4) {
                                const std::size_t next = i == t ? x_t : code % 4;
                                p *= next < K ? process.step(i)(x, next) : 0;
                                x = next;
                                if (i == s) at_s = x;
                                if (p == 0) break;
                            }
                            if (p > 0) joint[at_s] += p;
                            all += p;
                        }
                        if (all == 0) continue;
                        posterior(step_back(process, t, s), x_t, x_0, out);
                        for (std::size_t k = 0; k < K; ++k)
                            CHECK(out[k] == Approx(joint[k] / all).epsilon(1e-12));
                    }
    });
}

TEST_CASE("of one element the reverse step is exact where p_0 is the data's distribution") {
    support::each_toy_process([](const auto& process) {
        const std::size_t K = process.categories();
        std::vector<double> data(K), at_s(K), at_t(K), out(K);
        for (std::size_t a = 0; a < 3; ++a) data[a] = toy_marginal(a);
        for (std::size_t t = 1; t <= 6; ++t)
            for (std::size_t s = 0; s < t; ++s) {
                marginal(process.jump(s), data, at_s);
                marginal(process.jump(t), data, at_t);
                const auto back = step_back(process, t, s);
                for (std::size_t x_t = 0; x_t < K; ++x_t) {
                    if (at_t[x_t] == 0) continue;
                    p_theta(back, x_t, data, out);
                    for (std::size_t k = 0; k < K; ++k)  // q(x_s | x_t) by Bayes' rule
                        CHECK(out[k] ==
                              Approx(at_s[k] * back.step(k, x_t) / at_t[x_t]).epsilon(1e-12));
                }
            }
    });
}

TEST_CASE("a network that knows x_0 makes the reverse step the posterior") {
    support::each_toy_process([](const auto& process) {
        const std::size_t K = process.categories();
        std::vector<double> sure(K), known(K), guessed(K);
        const auto back = step_back(process, 5, 3);
        for (std::size_t x_0 = 0; x_0 < K; ++x_0) {
            for (std::size_t k = 0; k < K; ++k) sure[k] = k == x_0 ? 1 : 0;
            for (std::size_t x_t = 0; x_t < K; ++x_t) {
                if (process.jump(5)(x_0, x_t) == 0) continue;
                posterior(back, x_t, x_0, known);
                p_theta(back, x_t, sure, guessed);
                for (std::size_t k = 0; k < K; ++k)
                    CHECK(guessed[k] == Approx(known[k]).epsilon(1e-13));
            }
        }
    });
}

TEST_CASE("logits are logarithms of probabilities, up to a constant") {
    const std::vector<double> logits = {std::log(0.2) + 700, std::log(0.5) + 700,
                                        std::log(0.3) + 700};
    std::vector<double> p(3);
    probabilities_of(std::span(logits), std::span(p));
    CHECK(p[0] == Approx(0.2));
    CHECK(p[2] == Approx(0.3));
    const std::vector<float> never = {0, -std::numeric_limits<float>::infinity(), 0};
    probabilities_of(std::span(never), std::span(p));
    CHECK(p[0] == 0.5);
    CHECK(p[1] == least_probability);
}

TEST_CASE("steps back refuse states, times and distributions that there are not") {
    const auto process = absorbing_d3pm(4, 3, reciprocal_beta{}, 6);
    CHECK(is_complete(refusal([&] { step_back(process, 7, 0); }), 7));
    CHECK(is_complete(refusal([&] { step_back(process, 3, 3); }), 3));
    const auto back = step_back(process, 4, 3);
    std::vector<double> out(4), p_0 = {0.5, 0.5, 0, 0};
    CHECK(is_complete(refusal([&] { posterior(back, 4, 0, out); }), 4));
    CHECK(is_complete(refusal([&] { posterior(back, 0, 5, out); }), 5));
    CHECK(is_complete(refusal([&] { posterior(back, 1, 0, out); }), 1));  // 0 never becomes 1
    CHECK(is_complete(refusal([&] { posterior(back, 0, 0, std::span(out).first(3)); }), 3));
    CHECK(is_complete(refusal([&] { p_theta(back, 2, p_0, out); }), 2));  // nor does 1 become 2
    CHECK(is_complete(refusal([&] { p_theta(back, 9, p_0, out); }), 9));
    p_0[2] = 0.5;
    CHECK(is_complete(refusal([&] { p_theta(back, 3, p_0, out); }), 1.5));
    p_0[2] = -0.5;
    CHECK(is_complete(refusal([&] { p_theta(back, 3, p_0, out); }), -0.5));
    for (std::size_t k = 0; k < 4; ++k) {
        std::vector<double> logits{0, 1, 2, 3};
        logits[k] = std::nan("");
        CHECK(is_complete(
            refusal([&] { probabilities_of(std::span(std::as_const(logits)), std::span(out)); })));
    }
}
