#include <diffusion/discrete/binomial_reverse.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <ostream>
#include <span>
#include <type_traits>
#include <vector>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

using states = std::span<const std::size_t>;
using numbers = std::span<double>;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// x_0 is 110 or 001, with 3 to 1.
const auto two_words = [](const binomial_process& process) {
    return guesses_bits(process, [&process](states x_t, std::size_t t, numbers one) {
        const binomial_kernel jump = process.kernel(0, t);
        for (std::size_t i = 0; i < x_t.size(); i += 3) {
            const double a = 3 * jump(1, x_t[i]) * jump(1, x_t[i + 1]) * jump(0, x_t[i + 2]);
            const double b = jump(0, x_t[i]) * jump(0, x_t[i + 1]) * jump(1, x_t[i + 2]);
            one[i] = one[i + 1] = a / (a + b);
            one[i + 2] = b / (a + b);
        }
    });
};

/// How often 110 and 001 come out of 2000 runs.
template <class Reverse>
std::vector<double> shares(const binomial_process& process, Reverse&& reverse) {
    constexpr std::size_t items = 2000;
    std::vector<std::size_t> x(3 * items);
    sample(std::span(x), binomial_sampler(process), reverse, 11);
    std::vector<double> share(2);
    for (std::size_t i = 0; i < x.size(); i += 3) {
        if (x[i] == 1 && x[i + 1] == 1 && x[i + 2] == 0) share[0] += 1.0 / items;
        if (x[i] == 0 && x[i + 1] == 0 && x[i + 2] == 1) share[1] += 1.0 / items;
    }
    return share;
}

}  // namespace

TEST_CASE("coin tosses become data, each word as often as it should") {
    const binomial_process process(reciprocal_beta{}, 200);
    const auto share = shares(process, two_words(process));
    CHECK(share[0] == Approx(0.75).epsilon(0.05));
    CHECK(share[1] == Approx(0.25).epsilon(0.12));
    CHECK(share[0] + share[1] > 0.98);
}

TEST_CASE("a run is a function of the seed: a part of a batch is drawn alone as with the others") {
    const binomial_process process(reciprocal_beta{}, 30);
    std::vector<std::size_t> whole(300), part(30);
    sample(std::span(whole), binomial_sampler(process), two_words(process), 4);
    sample(std::span(part), binomial_sampler(process), two_words(process), 4, 90);
    CHECK(part == std::vector<std::size_t>(whole.begin() + 90, whole.begin() + 120));
}

TEST_CASE("a network may say how likely each bit flips, as the paper's does") {
    auto reverse =
        flips_bits([](states, std::size_t, std::size_t, numbers flip) { flip[0] = flip[1] = 0.1; });
    const std::vector<std::size_t> x{0, 1};
    std::vector<double> one(2);
    reverse(states(x), 4, 5, numbers(one));
    CHECK(one[0] == Approx(0.1));
    CHECK(one[1] == Approx(0.9));
}

TEST_CASE("a step times r is exact for independent bits: by brute force over all states") {
    const std::vector<double> p{0.2, 0.7, 0.5}, odds{3, 0.25, 1};
    // p(x) r(x) / Z over all 8 states, then the marginal of each bit
    double Z = 0, ones[3]{};
    for (std::size_t x = 0; x < 8; ++x) {
        double weight = 1;
        for (std::size_t i = 0; i < 3; ++i)
            weight *= (x >> i & 1) ? p[i] * odds[i] / (1 + odds[i]) : (1 - p[i]) / (1 + odds[i]);
        Z += weight;
        for (std::size_t i = 0; i < 3; ++i) ones[i] += (x >> i & 1) ? weight : 0;
    }
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(multiplied(p[i], odds[i]) == Approx(ones[i] / Z).epsilon(1e-14));
}

TEST_CASE("odds of 0 and infinity say what a bit is, whatever p says; odds of 1 say nothing") {
    for (const double p : {0.0, 0.3, 1.0}) {
        CHECK(multiplied(p, 0) == 0);
        CHECK(multiplied(p, infinity) == 1);
        CHECK(multiplied(p, 1) == Approx(p));
    }
    const binomial_kernel product = multiplied(binomial_kernel{0.25, 0.75}, 3.0);
    CHECK(product.one_after_0 == Approx(0.5));
    CHECK(product.one_after_1 == Approx(0.9));
}

TEST_CASE("a known bit is kept, and what it says of the others is heard, but not loud enough") {
    const binomial_process process(reciprocal_beta{}, 200);
    for (const auto schedule : {factor_schedule::constant, factor_schedule::annealed}) {
        const auto share = shares(process, multiplied_bits(two_words(process), {1, 1, infinity},
                                                           process.steps(), schedule));
        CHECK(share[0] == 0);    // the last bit is 1, always
        CHECK(share[1] > 0.5);   // of all words 0.25 are so
        CHECK(share[1] < 0.75);  // but the truth is 1: Z is left out
    }
}

TEST_CASE("with Z as weights the known bit decides: particles come to p(x) r(x)") {
    constexpr std::size_t T = 200, items = 2000;
    const binomial_process process(reciprocal_beta{}, T);
    auto reverse = multiplied_bits(two_words(process), {1, 1, infinity}, T);
    const binomial_sampler sampler(process);
    std::vector<std::size_t> x(3 * items);
    auto memory = sampler.init(x.size());
    sampler.start(std::span(x), 3);
    for (std::size_t i = 0; i < T; ++i) {
        sampler.step(i, std::span(x), memory, reverse, 3);
        const double least = i + 1 < T ? 0.5 : 1;  // in the end in any case
        resample(std::span(x), reverse.log_weights, 3, {noise_stream::user, i}, least);
    }
    std::size_t right = 0;
    for (std::size_t i = 0; i < x.size(); i += 3)
        right += x[i] == 0 && x[i + 1] == 0 && x[i + 2] == 1 ? 1 : 0;
    CHECK(static_cast<double>(right) / items > 0.97);
}

TEST_CASE("resampling gives each item its share, within one, and leaves even weights alone") {
    std::vector<std::size_t> x{0, 1, 1, 0, 0, 1, 1, 0};  // four items: 01, 10, 01, 10
    std::vector<double> even(4), uneven{std::log(0.01), std::log(3.0), std::log(0.01), -infinity};
    const auto before = x;
    resample(std::span(x), even, 1, {});
    CHECK(x == before);
    resample(std::span(x), uneven, 1, {});
    CHECK(x == std::vector<std::size_t>{1, 0, 1, 0, 1, 0, 1, 0});
    CHECK(uneven == std::vector<double>(4, 0.0));
    std::vector<double> none{-infinity, -infinity};
    CHECK(is_complete(refusal([&] { resample(std::span(x), none, 1, {}); })));
    std::vector<double> three(3), unknown{0, std::nan(""), 0, 0};
    CHECK(is_complete(refusal([&] { resample(std::span(x), three, 1, {}); }), 3));
    CHECK(is_complete(refusal([&] { resample(std::span(x), unknown, 1, {}, 1); })));
}

TEST_CASE("r of what the data will be, E[r(x_0) | x_t], leads to exactly p(x) r(x) / Z") {
    // r(110) = 1, r(001) = 6, so that the posterior of 110 is 3/(3 + 6)
    const binomial_process process(reciprocal_beta{}, 200);
    const auto weigh = [&](states x, std::size_t s) {
        std::vector<double> one(3);
        two_words(process).guess(x, s, numbers(one));
        return s == 0 ? (x[2] == 1 ? 6.0 : 1.0) : one[0] + 6 * one[2];
    };
    // r_s of three bits together is no product of bits: a step draws from all 8 states
    std::vector<double> one(3);
    auto p = two_words(process);
    double first = 0, second = 0;
    for (std::uint64_t run = 0; run < 600; ++run) {
        std::vector<std::size_t> x(3);
        binomial_sampler(process).start(x, run);
        // x_T: 8 states, weighted with r_T, which is the same for all
        for (std::size_t t = process.steps(); t >= 1; --t) {
            p(states(x), t - 1, t, numbers(one));
            std::vector<double> weight(8);
            double Z = 0;
            for (std::size_t k = 0; k < 8; ++k) {
                const std::vector<std::size_t> to{k & 1, k >> 1 & 1, k >> 2 & 1};
                weight[k] = weigh(to, t - 1);
                for (std::size_t i = 0; i < 3; ++i) weight[k] *= to[i] == 1 ? one[i] : 1 - one[i];
                Z += weight[k];
            }
            for (double& w : weight) w /= Z;
            double u = 0;
            fill_uniform(std::span(&u, 1), run, {noise_stream::step, t});
            const std::size_t k = draw_state(weight, u);
            x = {k & 1, k >> 1 & 1, k >> 2 & 1};
        }
        first += x == std::vector<std::size_t>{1, 1, 0} ? 1 : 0;
        second += x == std::vector<std::size_t>{0, 0, 1} ? 1 : 0;
    }
    CHECK(first / (first + second) == Approx(1.0 / 3).epsilon(0.15));
}

TEST_CASE("odds that are none, parts of items and a model's bad probabilities are refused") {
    const binomial_process process(reciprocal_beta{}, 3);
    CHECK(is_complete(refusal([] { multiplied(0.5, -1.0); }), -1.0));
    CHECK(is_complete(refusal([] { multiplied(1.5, 1.0); }), 1.5));
    CHECK(is_complete(refusal([&] { multiplied_bits(two_words(process), {1, -2}, 3); }), -2.0));
    CHECK(is_complete(refusal([&] { multiplied_bits(two_words(process), {}, 3); }), 0));
    auto pairs = multiplied_bits(two_words(process), {1, 1}, 3);
    const std::vector<std::size_t> x(3);
    std::vector<double> one(3);
    CHECK(is_complete(refusal([&] { pairs(states(x), 0, 1, numbers(one)); }), 3));
    std::vector<std::size_t> y(3);
    const auto wrong = [](states, std::size_t, std::size_t, numbers p) {
        p[0] = p[1] = p[2] = 1.1;
    };
    CHECK(is_complete(refusal([&] { sample(std::span(y), binomial_sampler(process), wrong, 1); }),
                      1.1));
    auto memory = binomial_sampler(process).init(2);
    CHECK(is_complete(refusal([&] { binomial_sampler(process).step(0, y, memory, wrong, 1); }), 2));
    using guess = void (*)(states, std::size_t, numbers);
    static_assert(std::is_constructible_v<guesses_bits<guess>, binomial_process&, guess>);
    static_assert(!std::is_constructible_v<guesses_bits<guess>, binomial_process, guess>);
    const auto wrong_guess = [](states, std::size_t, numbers p) { p[0] = p[1] = p[2] = -0.5; };
    CHECK(is_complete(refusal([&] {
                          sample(std::span(y), binomial_sampler(process),
                                 guesses_bits(process, wrong_guess), 1);
                      }),
                      -0.5));
}
