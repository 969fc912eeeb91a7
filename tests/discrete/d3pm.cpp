#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/discrete/d3pm.hpp>
#include <diffusion/discrete/discretized_gaussian_kernel.hpp>
#include <diffusion/discrete/token_distance.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// Calls check(process, whether it is doubly stochastic) for one process of each kind.
template <class Check>
void each_process(Check&& check) {
    const std::vector<double> places = {0, 1, 2.5, 4, 7};
    check(uniform_d3pm(5, multinomial_cosine_beta{}, 12), true);
    check(absorbing_d3pm(5, 3, reciprocal_beta{}, 12), false);
    check(gaussian_d3pm(5, linear_beta{.first = 0.02, .last = 1}, 12), true);
    check(token_d3pm(token_distance_rates(places, 5, {.neighbours = 2}),
                     std::vector<double>(12, 0.8)),
          true);
}

}  // namespace

TEST_CASE("each process is a categorical process") {
    static_assert(categorical_process<d3pm<uniform_kernel>>);
    static_assert(categorical_process<d3pm<absorbing_kernel>>);
    static_assert(categorical_process<d3pm<dense_kernel>>);
    static_assert(!categorical_process<uniform_kernel>);
    static_assert(!categorical_process<std::vector<uniform_kernel>>);
    static_assert(!categorical_process<linear_beta>);
}

TEST_CASE("steps compose: q(x_t | x_s) after q(x_s | x_0) is q(x_t | x_0)") {
    each_process([](const auto& process, bool) {
        const std::size_t T = process.steps(), K = process.categories();
        for (std::size_t s = 0; s <= T; s += 3)
            for (std::size_t t = s; t <= T; ++t) {
                const auto both = process.jump(s).then(process.kernel(s, t));
                for (std::size_t i = 0; i < K; ++i)
                    for (std::size_t j = 0; j < K; ++j)
                        CHECK(both(i, j) == Approx(process.jump(t)(i, j)).epsilon(1e-12));
            }
        for (std::size_t i = 0; i < K; ++i) CHECK(process.jump(0)(i, i) == 1);
    });
}

TEST_CASE("rows are distributions, and columns too unless there is a state that absorbs") {
    each_process([](const auto& process, bool doubly) {
        const std::size_t K = process.categories();
        for (std::size_t t = 1; t <= process.steps(); ++t)
            for (std::size_t i = 0; i < K; ++i) {
                double row = 0, column = 0;
                for (std::size_t j = 0; j < K; ++j) {
                    CHECK(process.step(t)(i, j) >= 0);
                    row += process.step(t)(i, j);
                    column += process.step(t)(j, i);
                }
                CHECK(row == Approx(1).epsilon(1e-14));
                if (doubly) CHECK(column == Approx(1).epsilon(1e-13));
            }
    });
}

TEST_CASE("sampling starts from the distribution that the steps do not change") {
    each_process([](const auto& process, bool doubly) {
        const std::size_t K = process.categories();
        std::vector<double> prior(K), after(K);
        for (std::size_t i = 0; i < K; ++i) prior[i] = process.prior(i);
        for (std::size_t t = 1; t <= process.steps(); ++t) {
            marginal(process.step(t), prior, after);
            for (std::size_t i = 0; i < K; ++i) CHECK(after[i] == Approx(prior[i]).epsilon(1e-13));
        }
        for (std::size_t i = 0; i < K; ++i)
            CHECK(prior[i] == Approx(doubly ? 0.2 : i == 3 ? 1 : 0).epsilon(1e-13));
    });
}

TEST_CASE("with many steps everything that there was is forgotten") {
    const auto far = gaussian_d3pm(5, linear_beta{.first = 0.02, .last = 1}, 200);
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 5; ++j) CHECK(far.jump(200)(i, j) == Approx(0.2).epsilon(1e-9));
}

TEST_CASE("the discretized Gaussian is the equation as printed") {
    const std::size_t K = 6;
    const double beta = 0.3;
    const dense_kernel kernel = discretized_gaussian_kernel(K, beta);
    double sum = 0;
    for (int n = -5; n <= 5; ++n) sum += std::exp(-4.0 * n * n / (25 * beta));
    for (std::size_t i = 0; i < K; ++i)
        for (std::size_t j = 0; j < K; ++j) {
            const double distance = double(i) - double(j);
            CHECK(kernel(i, j) == kernel(j, i));
            if (i != j)
                CHECK(kernel(i, j) ==
                      Approx(std::exp(-4 * distance * distance / (25 * beta)) / sum));
            if (j > i + 1) CHECK(kernel(i, j) < kernel(i, j - 1));  // near ones first
        }
    CHECK(discretized_gaussian_kernel(K, 1e-9)(2, 2) == 1);  // nothing happens
}

TEST_CASE("a process of dense steps may have any prior") {
    const d3pm process(std::vector<dense_kernel>{dense_kernel({0.5, 0.5, 0.5, 0.5})}, {0.25, 0.75});
    CHECK(process.prior(1) == 0.75);
}

TEST_CASE("a process refuses what makes no chain of steps") {
    CHECK(is_complete(refusal([] { d3pm(std::vector<uniform_kernel>{}); }), 0));
    CHECK(is_complete(refusal([] {
                          d3pm(std::vector{uniform_kernel(2, 0.5), uniform_kernel(3, 0.5)});
                      }),
                      3));
    CHECK(is_complete(refusal([] {
                          d3pm(std::vector{uniform_kernel(2, 0.5)}, {0.5, 0.25});
                      }),
                      0.75));
    CHECK(is_complete(refusal([] { d3pm(std::vector{uniform_kernel(2, 0.5)}, {1}); }), 1));
    const auto process = absorbing_d3pm(5, 3, reciprocal_beta{}, 12);
    CHECK(is_complete(refusal([&] { return process.step(0); }), 0));
    CHECK(is_complete(refusal([&] { return process.step(13); }), 13));
    CHECK(is_complete(refusal([&] { return process.jump(13); }), 13));
    CHECK(is_complete(refusal([&] { return process.kernel(5, 4); }), 5));
    CHECK(is_complete(refusal([&] { return process.prior(5); }), 5));
    CHECK(is_complete(refusal([] { absorbing_d3pm(5, 5, reciprocal_beta{}, 12); }), 5));
    CHECK(is_complete(refusal([] { discretized_gaussian_kernel(1, 0.1); }), 1));
    CHECK(is_complete(refusal([] { discretized_gaussian_kernel(4, 0); }), 0.0));
}
