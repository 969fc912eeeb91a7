#include <doctest/doctest.h>
#include <discrete/categorical_toy.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/categorical_sampler.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// Pearson's chi-square of counts against probabilities, and what it exceeds in 1 of 10^5 cases
/// (Wilson and Hilferty 1931).
struct chi_square {
    double value = 0, limit = 0;

    chi_square(const std::vector<double>& counts, const std::vector<double>& p) {
        double n = 0, cells = -1;
        for (const double count : counts) n += count;
        for (std::size_t k = 0; k < p.size(); ++k) {
            if (p[k] == 0) CHECK(counts[k] == 0);
            if (p[k] == 0) continue;
            value += (counts[k] - n * p[k]) * (counts[k] - n * p[k]) / (n * p[k]);
            cells += 1;
        }
        if (cells == 0) return;  // the only state that can be
        const double v = 2 / (9 * cells), root = 1 - v + 4.265 * std::sqrt(v);
        limit = cells * root * root * root;
    }
};

std::vector<double> frequencies(std::span<const std::size_t> x, std::size_t K) {
    std::vector<double> counts(K);
    for (const std::size_t state : x) counts[state] += 1;
    return counts;
}

constexpr std::size_t many = 20000;

}  // namespace

TEST_CASE("a uniform number finds its state, and never one that cannot be") {
    const std::vector<double> p = {0, 0.25, 0.5, 0, 0.25, 0};
    CHECK(draw_state(p, 1e-17) == 1);
    CHECK(draw_state(p, 0.2499) == 1);
    CHECK(draw_state(p, 0.2501) == 2);
    CHECK(draw_state(p, 0.7499) == 2);
    CHECK(draw_state(p, 0.7501) == 4);
    CHECK(draw_state(p, std::nextafter(1.0, 0.0)) == 4);
    CHECK(draw_state(std::vector<double>{0.1, 0.2, 0.3}, 0.99) == 2);  // sums may round
}

TEST_CASE("x_t is as frequent as q(x_t | x_0) says") {
    support::each_toy_process([](const auto& process) {
        const std::size_t K = process.categories();
        const auto jump = process.jump(3);
        std::vector<std::size_t> x(many);
        for (std::size_t x_0 = 0; x_0 < K; ++x_0) {
            std::fill(x.begin(), x.end(), x_0);
            q_sample(jump, x, std::span(x), 11 + x_0, {noise_stream::user});
            std::vector<double> row(K);
            for (std::size_t k = 0; k < K; ++k) row[k] = jump(x_0, k);
            const chi_square test(frequencies(x, K), row);
            CHECK(test.value <= test.limit);
        }
    });
}

TEST_CASE("with the exact reverse, samples of one element are as frequent as the data") {
    support::each_toy_process([](const auto& process) {
        const std::size_t K = process.categories();
        std::vector<double> data(K);
        for (std::size_t a = 0; a < 3; ++a) data[a] = support::toy_marginal(a);
        const auto predict = [&](std::span<const std::size_t> x, std::size_t,
                                 std::span<double> logits) {
            for (std::size_t i = 0; i < x.size(); ++i)
                for (std::size_t k = 0; k < K; ++k) logits[i * K + k] = std::log(data[k]);
        };
        for (const std::size_t steps : {std::size_t{6}, std::size_t{2}}) {
            std::vector<std::size_t> x(many);
            sample_states(std::span(x), categorical_sampler(process, even_times(6, steps)), predict,
                          3);
            const chi_square test(frequencies(x, K), data);
            CHECK(test.value <= test.limit);
        }
    });
}

TEST_CASE("pairs keep most of what they have in common if there are many steps") {
    const auto process = absorbing_d3pm(4, 3, reciprocal_beta{}, 64);
    std::vector<std::size_t> x(2 * many);
    sample_states(std::span(x), categorical_sampler(process), support::exact_predictor(process), 5);
    double equal = 0, expected = 0;
    for (std::size_t i = 0; i < x.size(); i += 2) equal += x[i] == x[i + 1] ? 1 : 0;
    for (std::size_t a = 0; a < 3; ++a) expected += support::toy_data[4 * a];
    CHECK(equal / many == Approx(expected).epsilon(0.03));  // independent: 0.34 instead of 0.7
}

TEST_CASE("an element's draws do not depend on the batch it is drawn in") {
    const auto process = uniform_d3pm(3, multinomial_cosine_beta{.cap = 1}, 6);
    const categorical_sampler sampler(process);
    const auto predict = support::exact_predictor(process);
    std::vector<std::size_t> whole(700), parts(700);
    sample_states(std::span(whole), sampler, predict, 9);
    sample_states(std::span(parts).first(334), sampler, predict, 9);
    sample_states(std::span(parts).subspan(334), sampler, predict, 9, 334);
    CHECK(whole == parts);
    std::vector<std::size_t> other(700), by_hand(700);
    sample_states(std::span(other), sampler, predict, 10);
    CHECK(other != whole);
    auto memory = sampler.init(700);  // the loop of one's own
    sampler.start(std::span(by_hand), 9);
    for (std::size_t i = 0; i < sampler.size(); ++i) sampler.step(i, by_hand, memory, predict, 9);
    CHECK(by_hand == whole);
}

TEST_CASE("even times go from T to 0") {
    CHECK(even_times(6, 6) == std::vector<std::size_t>{6, 5, 4, 3, 2, 1, 0});
    CHECK(even_times(6, 1) == std::vector<std::size_t>{6, 0});
    CHECK(even_times(10, 4) == std::vector<std::size_t>{10, 8, 5, 3, 0});
}

TEST_CASE("samplers refuse times and states that there are not") {
    const auto process = uniform_d3pm(3, reciprocal_beta{}, 6);
    using times = std::vector<std::size_t>;
    CHECK(is_complete(refusal([&] { categorical_sampler(process, times{6}); }), 1));
    CHECK(is_complete(refusal([&] { categorical_sampler(process, times{5, 0}); }), 5));
    CHECK(is_complete(refusal([&] { categorical_sampler(process, times{6, 1}); }), 1));
    CHECK(is_complete(refusal([&] { categorical_sampler(process, times{6, 3, 4, 0}); }), 4));
    CHECK(is_complete(refusal([] { even_times(6, 7); }), 7));
    CHECK(is_complete(refusal([] { even_times(6, 0); }), 0));
    std::vector<std::size_t> x = {0, 3}, y(3);
    CHECK(is_complete(refusal([&] { q_sample(process.jump(1), x, std::span(x), 1, {}); }), 3));
    x[1] = 0;
    CHECK(is_complete(refusal([&] { q_sample(process.jump(1), x, std::span(y), 1, {}); }), 3));
    std::vector<double> logits(5), scratch(3);
    CHECK(is_complete(refusal([&] {
                          p_sample(step_back(process, 2, 1), std::span(x), std::span(logits),
                                   std::span(scratch), 1, {});
                      }),
                      5));
}
