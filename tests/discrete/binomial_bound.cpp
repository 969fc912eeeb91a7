#include <diffusion/discrete/binomial_bound.hpp>

#include <doctest/doctest.h>
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

namespace {

using states = std::span<const std::size_t>;
using numbers = std::span<double>;

constexpr std::size_t bits = 3, T = 6;
const std::vector<std::vector<std::size_t>> words{{1, 0, 0}, {0, 1, 1}};  // equally frequent

/// P(x_0 = 1 | x_t) for each bit, by Bayes' rule over the two words.
void exact(const binomial_process& process, states x_t, std::size_t t, numbers one) {
    const binomial_kernel jump = process.kernel(0, t);
    for (std::size_t first = 0; first < x_t.size(); first += bits) {
        double sum = 0;
        for (std::size_t i = 0; i < bits; ++i) one[first + i] = 0;
        for (const auto& word : words) {
            double weight = 1;
            for (std::size_t i = 0; i < bits; ++i) weight *= jump(word[i], x_t[first + i]);
            for (std::size_t i = 0; i < bits; ++i)
                one[first + i] += weight * static_cast<double>(word[i]);
            sum += weight;
        }
        for (std::size_t i = 0; i < bits; ++i) one[first + i] /= sum;
    }
}

auto exact_reverse(const binomial_process& process) {
    return guesses_bits(process, [&process](states x_t, std::size_t t, numbers one) {
        exact(process, x_t, t, one);
    });
}

/// What the model says of itself: log p(x_0) in nats, by summing over all chains; the last step is
/// the network's, or the forward step run backwards.
template <class Reverse>
double log_likelihood(const binomial_process& process, Reverse&& reverse,
                      const std::vector<std::size_t>& x_0, bool learned_end) {
    constexpr std::size_t all = 1 << bits;
    std::vector<double> p(all, 1.0 / all), next(all);
    for (std::size_t t = T; t >= 1; --t) {
        next.assign(all, 0);
        for (std::size_t from = 0; from < all; ++from) {
            std::vector<std::size_t> x(bits);
            std::vector<double> one(bits);
            for (std::size_t i = 0; i < bits; ++i) x[i] = from >> i & 1;
            reverse(states(x), t - 1, t, numbers(one));
            if (t == 1 && !learned_end)  // q(x_1 | x_0) pi(x_0) / pi(x_1), and pi is even
                for (std::size_t i = 0; i < bits; ++i) one[i] = process.kernel(0, 1)(1, x[i]);
            for (std::size_t to = 0; to < all; ++to) {
                double weight = p[from];
                for (std::size_t i = 0; i < bits; ++i)
                    weight *= (to >> i & 1) ? one[i] : 1 - one[i];
                next[to] += weight;
            }
        }
        p.swap(next);
    }
    std::size_t index = 0;
    for (std::size_t i = 0; i < bits; ++i) index |= x_0[i] << i;
    return std::log(p[index]);
}

/// Many copies of both words.
std::vector<std::size_t> data(std::size_t copies) {
    std::vector<std::size_t> x_0;
    for (std::size_t k = 0; k < copies; ++k)
        for (const auto& word : words) x_0.insert(x_0.end(), word.begin(), word.end());
    return x_0;
}

/// A reverse kernel with independent bits that is far from right.
const auto rough = [](states x_t, std::size_t, std::size_t, numbers one) {
    for (std::size_t i = 0; i < x_t.size(); ++i) one[i] = 0.15 + 0.6 * static_cast<double>(x_t[i]);
};

}  // namespace

TEST_CASE("K is below the log-likelihood of the model itself, as summed over all chains") {
    const binomial_process process(reciprocal_beta{}, T);
    const auto x_0 = data(4000);
    const auto check = [&](auto&& reverse) {
        const binomial_bound bound = binomial_lower_bound(process, states(x_0), bits, reverse, 1);
        for (const bool learned_end : {false, true}) {
            double truth = 0;
            for (const auto& word : words)
                truth += log_likelihood(process, reverse, word, learned_end) / 2;
            const double K = learned_end ? bound.nats_with_learned_end() : bound.nats();
            CHECK(K < truth);
        }
    };
    check(rough);
    check(exact_reverse(process));
}

TEST_CASE("in many small steps K comes to the truth, less what the first step erases") {
    const auto x_0 = data(4000);
    const auto bound_of = [&](std::size_t steps) {
        const binomial_process process(reciprocal_beta{}, steps);
        return binomial_lower_bound(process, states(x_0), bits, exact_reverse(process), 3);
    };
    const binomial_bound coarse = bound_of(3), fine = bound_of(100);
    const double truth = std::log(0.5);
    CHECK(coarse.nats_with_learned_end() < truth - 0.1);
    CHECK(std::abs(fine.nats_with_learned_end() - truth) < 0.015);
    // two words far apart: H(X_1) = H(X_0) + H(X_1 | X_0), but for what could be mistaken
    CHECK(fine.nats() < truth - 0.8 * fine.entropy_1);
    CHECK(fine.nats() > truth - 1.2 * fine.entropy_1);
}

TEST_CASE("a single bit is reversed exactly, and then K is the entropy of its data") {
    // two of three are 1; a step back from x_1 to x_0 that is the forward step costs H(X_1) -
    // H(X_0)
    const binomial_process process(reciprocal_beta{}, 5);
    std::vector<std::size_t> x_0;
    for (std::size_t k = 0; k < 30000; ++k) x_0.push_back(k % 3 == 0 ? 0 : 1);
    auto reverse = guesses_bits(process, [&](states x_t, std::size_t t, numbers one) {
        const binomial_kernel jump = process.kernel(0, t);
        for (std::size_t i = 0; i < x_t.size(); ++i) {
            const double with_1 = 2 * jump(1, x_t[i]), with_0 = jump(0, x_t[i]);
            one[i] = with_1 / (with_1 + with_0);
        }
    });
    const binomial_bound bound = binomial_lower_bound(process, states(x_0), 1, reverse, 2);
    CHECK(bound.nats_with_learned_end() == Approx(-binary_entropy(2.0 / 3)).epsilon(0.01));
    CHECK(bound.nats() == Approx(-binary_entropy(process.kernel(0, 1).one(2.0 / 3))).epsilon(0.01));
    CHECK(bound.entropy_T == bound.entropy_prior);  // the last beta is 1
    CHECK(bound.steps.size() == 4);
}

TEST_CASE("with a learned end K is the variational bound of the same process of two categories") {
    const binomial_process process(reciprocal_beta{}, T);
    const auto x_0 = data(50);
    const auto x_1_predictor = [&](states x_t, std::size_t t, numbers logits) {
        // the categorical p_theta wants p(x_0 | x_t) / q(x_t | x_0)
        std::vector<double> one(x_t.size());
        exact(process, x_t, t, one);
        const binomial_kernel jump = process.kernel(0, t);
        for (std::size_t i = 0; i < x_t.size(); ++i) {
            logits[2 * i] = std::log((1 - one[i]) / jump(0, x_t[i]));
            logits[2 * i + 1] = std::log(one[i] / jump(1, x_t[i]));
        }
    };
    const double items = 100;
    CHECK(binomial_lower_bound(process, states(x_0), bits, exact_reverse(process), 7)
              .nats_with_learned_end() ==
          Approx(-categorical_variational_bound(process, states(x_0), x_1_predictor, 7).nats() /
                 items)
              .epsilon(1e-10));
}

TEST_CASE("the divergence of two coins is 0 for equal ones, and infinite for an excluded side") {
    CHECK(binomial_divergence(0.3, 0.3) == 0);
    CHECK(binomial_divergence(0, 0) == 0);
    CHECK(binomial_divergence(0.25, 0.5) ==
          Approx(0.25 * std::log(0.5) + 0.75 * std::log(1.5)).epsilon(1e-14));
    CHECK(std::isinf(binomial_divergence(0.1, 0)));
    CHECK(is_complete(refusal([] { binomial_divergence(1.2, 0.5); }), 1.2));
}

TEST_CASE("K refuses parts of items and states other than 0 and 1") {
    const binomial_process process(reciprocal_beta{}, T);
    const std::vector<std::size_t> part(4), two{0, 1, 2};
    CHECK(is_complete(refusal([&] { binomial_lower_bound(process, states(part), bits, rough, 1); }),
                      4));
    CHECK(is_complete(refusal([&] { binomial_lower_bound(process, states(two), bits, rough, 1); }),
                      2));
}
