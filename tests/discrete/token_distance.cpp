#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/discrete/rate_kernel.hpp>
#include <diffusion/discrete/token_distance.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

/// Five tokens in the plane; 0, 1 and 2 are near each other, and so are 3 and 4.
const std::vector<double> places = {0, 0, 1, 0, 0, 1.5, 9, 9, 9, 8};

void check_doubly_stochastic(const std::vector<double>& matrix, double sum = 1) {
    const std::size_t K = std::size_t(std::lround(std::sqrt(double(matrix.size()))));
    for (std::size_t i = 0; i < K; ++i) {
        double row = 0;
        for (std::size_t j = 0; j < K; ++j) {
            row += matrix[i * K + j];
            CHECK(matrix[i * K + j] == matrix[j * K + i]);
        }
        CHECK(row == Approx(sum).epsilon(1e-12).scale(1));
    }
}

}  // namespace

TEST_CASE("neighbours are joined, by half where only one counts the other among the nearest") {
    const auto A = nearest_neighbour_graph(places, 5, 1);
    const auto at = [&](std::size_t i, std::size_t j) { return A[5 * i + j]; };
    CHECK(at(0, 1) == 1);    // each other's nearest
    CHECK(at(0, 2) == 0.5);  // 2's nearest is 0
    CHECK(at(1, 2) == 0);
    CHECK(at(3, 4) == 1);
    for (std::size_t i = 0; i < 5; ++i) CHECK(at(i, i) == 0);
}

TEST_CASE("of equally near ones the first count") {
    const auto A = nearest_neighbour_graph(std::vector<double>{0, 1, -1}, 3, 1);
    CHECK(A[0 * 3 + 1] == 1);
    CHECK(A[0 * 3 + 2] == 0.5);
}

TEST_CASE("rates sum to 0 and are symmetric; balanced, all tokens leave at nearly one rate") {
    for (const bool balanced : {false, true}) {
        const auto R = token_distance_rates(places, 5, {.neighbours = 2, .balanced = balanced});
        check_doubly_stochastic(R, 0);
        double least = 1e9, most = 0;
        for (std::size_t i = 0; i < 5; ++i) {
            least = std::min(least, -R[6 * i]);
            most = std::max(most, -R[6 * i]);
        }
        CHECK(most / least < (balanced ? 1.2 : 3));
        if (!balanced) CHECK(most / least > 1.5);
    }
}

TEST_CASE("scaled alike, rows and columns come to sum to 1") {
    check_doubly_stochastic(doubly_stochastic({1, 0.5, 0, 0.5, 2, 4, 0, 4, 3}));
    const auto two = doubly_stochastic({1, 1, 1, 1});
    for (const double value : two) CHECK(value == Approx(0.5));
}

TEST_CASE("two tokens that become each other at rate 1: exp(alpha R) is known") {
    const std::vector<double> R = {-1, 1, 1, -1};
    for (const double alpha : {0.0, 1e-9, 0.1, 1.0, 30.0}) {
        const dense_kernel kernel = rate_kernel(R, alpha);
        CHECK(kernel(0, 1) == Approx(-std::expm1(-2 * alpha) / 2).epsilon(1e-13));
        CHECK(kernel(0, 0) == Approx((1 + std::exp(-2 * alpha)) / 2).epsilon(1e-13));
    }
}

TEST_CASE("the time of two steps is the sum of their times, and the end is uniform") {
    const auto R = token_distance_rates(places, 5, {.neighbours = 3});
    const dense_kernel both = rate_kernel(R, 0.3).then(rate_kernel(R, 1.4));
    const dense_kernel one = rate_kernel(R, 1.7), end = rate_kernel(R, 1000);
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 5; ++j) {
            CHECK(both(i, j) == Approx(one(i, j)).epsilon(1e-13));
            CHECK(end(i, j) == Approx(0.2).epsilon(1e-12));
            // the derivative at 0 is R
            CHECK((rate_kernel(R, 1e-7)(i, j) - (i == j ? 1 : 0)) / 1e-7 ==
                  Approx(R[5 * i + j]).epsilon(1e-6).scale(1));
        }
}

TEST_CASE("a state without a rate is never left, whatever the time") {
    for (int i = 1; i < 100; ++i) {
        const double a = 0.017 * i;
        const dense_kernel kernel = rate_kernel(std::vector<double>{-a, a, 0, 0}, 1);
        CHECK(kernel(1, 1) == 1);
        CHECK(kernel(0, 0) == Approx(std::exp(-a)).epsilon(1e-13));
    }
}

TEST_CASE("graphs and rates refuse what they cannot be made of") {
    CHECK(is_complete(refusal([] { nearest_neighbour_graph(places, 3, 1); }), 10));
    CHECK(is_complete(refusal([] { nearest_neighbour_graph(places, 5, 0); }), 0));
    CHECK(is_complete(refusal([] { nearest_neighbour_graph(places, 5, 5); }), 5));
    std::vector<double> nowhere = places;
    nowhere[3] = std::nan("");
    CHECK(is_complete(refusal([&] { nearest_neighbour_graph(nowhere, 5, 2); })));
    CHECK(is_complete(refusal([] { doubly_stochastic({1, 2, 3}); }), 3));
    CHECK(is_complete(refusal([] { doubly_stochastic({1, 2, 3, 4}); }), 2.0));
    CHECK(is_complete(refusal([] { doubly_stochastic({1, -2, -2, 4}); }), -2.0));
    // a path of three, whose middle has no time for both ends
    CHECK(is_complete(refusal([] { doubly_stochastic({0, 1, 0, 1, 0, 1, 0, 1, 0}); })));
    const std::vector<double> R = {-1, 1, 1, -1};
    CHECK(is_complete(refusal([&] { rate_kernel(R, -1); }), -1.0));
    CHECK(is_complete(refusal([&] { rate_kernel(std::vector<double>{-1, 1, 1}, 1); }), 3));
    CHECK(is_complete(refusal([&] { rate_kernel(std::vector<double>{1, -1, 1, -1}, 1); }), -1.0));
    CHECK(is_complete(refusal([&] { rate_kernel(std::vector<double>{-1, 1.5, 1, -1}, 1); }), 0.5));
}
