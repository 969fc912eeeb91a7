#include <doctest/doctest.h>
#include <discrete/categorical_toy.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/categorical_bound.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;
using support::toy_data;

namespace {

/// A network that has learned nothing but knows where it is.
void guess(std::span<const std::size_t> x_t, std::size_t t, std::span<double> logits) {
    const std::size_t K = logits.size() / x_t.size();
    for (std::size_t i = 0; i < logits.size(); ++i)
        logits[i] = std::sin(double(3 * i % 7 + 5 * x_t[i / K] + t));
}

/// The exact bound on -log p(x_0) of a pair: the mean over all x_t, by enumeration.
template <class P, class Predict>
double exact_bound(const P& process, std::span<const std::size_t> x_0, Predict&& predict,
                   const std::vector<std::size_t>& times) {
    const std::size_t K = process.categories();
    double sum = prior_divergence(process, x_0[0]) + prior_divergence(process, x_0[1]);
    std::vector<double> logits(2 * K), p_0(K), scratch(K);
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
        const auto back = step_back(process, times[i], times[i + 1]);
        for (std::size_t code = 0; code < K * K; ++code) {
            const std::size_t x_t[] = {code / K, code % K};
            const auto jump = process.kernel(0, times[i]);
            const double q = jump(x_0[0], x_t[0]) * jump(x_0[1], x_t[1]);
            if (q == 0) continue;
            predict(std::span<const std::size_t>(x_t), times[i], std::span(logits));
            for (std::size_t e = 0; e < 2; ++e) {
                probabilities_of(std::span<const double>(logits).subspan(e * K, K), std::span(p_0));
                sum += q * categorical_divergence(back, x_t[e], x_0[e], p_0, std::span(scratch));
            }
        }
    }
    return sum;
}

/// p_theta(x_0) of all pairs: the prior, carried through the steps.
template <class P, class Predict>
std::vector<double> model_distribution(const P& process, Predict&& predict,
                                       const std::vector<std::size_t>& times) {
    const std::size_t K = process.categories();
    std::vector<double> now(K * K), logits(2 * K), p_0(K), first(K), second(K);
    for (std::size_t c = 0; c < K * K; ++c) now[c] = process.prior(c / K) * process.prior(c % K);
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
        const auto back = step_back(process, times[i], times[i + 1]);
        std::vector<double> then(K * K);
        for (std::size_t c = 0; c < K * K; ++c) {
            if (now[c] == 0) continue;
            const std::size_t x_t[] = {c / K, c % K};
            predict(std::span<const std::size_t>(x_t), times[i], std::span(logits));
            probabilities_of(std::span<const double>(logits).first(K), std::span(p_0));
            p_theta(back, x_t[0], p_0, first);
            probabilities_of(std::span<const double>(logits).last(K), std::span(p_0));
            p_theta(back, x_t[1], p_0, second);
            for (std::size_t d = 0; d < K * K; ++d)
                then[d] += now[c] * first[d / K] * second[d % K];
        }
        now = then;
    }
    return now;
}

const std::vector<std::size_t> all_times = {6, 5, 4, 3, 2, 1, 0}, some_times = {6, 3, 2, 0};

}  // namespace

TEST_CASE("the bound is a bound: no pair of states is less likely than it says") {
    support::each_toy_process([](const auto& process) {
        const auto check = [&](auto&& predict, const std::vector<std::size_t>& times) {
            const auto p = model_distribution(process, predict, times);
            for (std::size_t c = 0; c < 9; ++c) {
                const std::size_t x_0[] = {c / 3, c % 3};
                const double minus_log = -std::log(p[x_0[0] * process.categories() + x_0[1]]);
                CHECK(exact_bound(process, x_0, predict, times) >= minus_log - 1e-9);
            }
        };
        for (const auto& times : {all_times, some_times}) {
            check(support::exact_predictor(process), times);
            check(guess, times);
        }
    });
}

TEST_CASE("with the exact reverse of one element the bound is the entropy of the data") {
    support::each_toy_process([](const auto& process) {
        // the elements alone: x_0 = (a, any), of which only the first is counted
        const std::size_t K = process.categories();
        std::vector<double> data(K), scratch(K);
        double entropy = 0;
        for (std::size_t a = 0; a < 3; ++a) {
            data[a] = support::toy_marginal(a);
            entropy -= data[a] * std::log(data[a]);
        }
        for (const auto& times : {all_times, some_times}) {
            double mean = 0;
            for (std::size_t a = 0; a < 3; ++a) {
                double sum = prior_divergence(process, a);
                for (std::size_t i = 0; i + 1 < times.size(); ++i) {
                    const auto back = step_back(process, times[i], times[i + 1]);
                    for (std::size_t x_t = 0; x_t < K; ++x_t)
                        if (const double q = process.jump(times[i])(a, x_t); q > 0)
                            sum += q * categorical_divergence(back, x_t, a, data, scratch);
                }
                mean += data[a] * sum;
            }
            CHECK(mean == Approx(entropy).epsilon(1e-6));
        }
    });
}

TEST_CASE(
    "of pairs the bound is above the entropy: steps treat elements apart; the more, the less") {
    support::each_toy_process([](const auto& process) {
        const auto mean = [&](const std::vector<std::size_t>& times) {
            double sum = 0;
            for (std::size_t c = 0; c < 9; ++c) {
                const std::size_t x_0[] = {c / 3, c % 3};
                sum += toy_data[c] *
                       exact_bound(process, x_0, support::exact_predictor(process), times);
            }
            return sum;
        };
        const double fine = mean(all_times), coarse = mean(some_times), one = mean({6, 0});
        CHECK(fine > support::toy_entropy() + 1e-3);
        CHECK(coarse > fine);
        CHECK(one > coarse);
        double independent = 0;  // one step knows the marginals only
        for (std::size_t a = 0; a < 3; ++a) {
            double b = 0;
            for (std::size_t i = 0; i < 3; ++i) b += toy_data[3 * i + a];
            independent -= support::toy_marginal(a) * std::log(support::toy_marginal(a));
            independent -= b * std::log(b);
        }
        CHECK(one == Approx(independent).epsilon(1e-4));
    });
}

TEST_CASE("a draw of the bound has the bound as its mean, term by term and for any batch") {
    const auto process = uniform_d3pm(3, multinomial_cosine_beta{.cap = 1}, 6);
    const std::size_t pair[] = {2, 0};
    std::vector<std::size_t> x_0;
    for (int i = 0; i < 4000; ++i) x_0.insert(x_0.end(), pair, pair + 2);
    const auto predict = support::exact_predictor(process);
    const categorical_bound bound = categorical_variational_bound(process, x_0, predict, 7);
    REQUIRE(bound.steps.size() == 6);
    CHECK(bound.prior == 0);
    CHECK(bound.nats() / 4000 ==
          Approx(exact_bound(process, pair, predict, all_times)).epsilon(0.02));
    // the same draws in two parts
    const std::span<const std::size_t> x(x_0);
    const auto one =
        categorical_variational_bound(process, x.first(3000), predict, 7, std::span(all_times));
    const auto two = categorical_variational_bound(process, x.subspan(3000), predict, 7,
                                                   std::span(all_times), 3000);
    for (std::size_t t = 0; t < 6; ++t)
        CHECK(one.steps[t] + two.steps[t] == Approx(bound.steps[t]).epsilon(1e-12));
    CHECK(
        categorical_variational_bound(process, x, predict, 7, std::span(some_times)).steps.size() ==
        3);
}

TEST_CASE("bounds refuse states and times that there are not") {
    const auto process = uniform_d3pm(3, reciprocal_beta{}, 6);
    const auto bound = [&](std::vector<std::size_t> x_0, std::vector<std::size_t> times) {
        return refusal([&] {
            categorical_variational_bound(process, std::span<const std::size_t>(x_0), guess, 1,
                                          std::span<const std::size_t>(times));
        });
    };
    CHECK(is_complete(bound({0, 3}, all_times), 3));
    CHECK(is_complete(bound({0, 1}, {5, 0}), 2));
    CHECK(is_complete(bound({0, 1}, {6, 1}), 2));
    CHECK(is_complete(bound({0, 1}, {6, 3, 3, 0}), 3));
    CHECK(is_complete(bound({0, 1}, {0}), 1));
}
