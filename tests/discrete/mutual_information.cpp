#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/discrete/absorbing_kernel.hpp>
#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/discrete/d3pm.hpp>
#include <diffusion/discrete/mutual_information.hpp>
#include <diffusion/discrete/token_distance.hpp>
#include <diffusion/discrete/uniform_kernel.hpp>

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;

namespace {

const std::vector<double> p = {0.5, 0.25, 0.125, 0.125, 0};
const double entropy = 1.75 * std::log(2.0);

}  // namespace

TEST_CASE("at first x_t tells all about x_0, the entropy, and in the end nothing") {
    CHECK(mutual_information(uniform_kernel(5, 1), p) == Approx(entropy).epsilon(1e-14));
    CHECK(mutual_information(uniform_kernel(5, 0), p) == Approx(0).scale(1));
    CHECK(mutual_information(absorbing_kernel(5, 4, 0.3), p) == Approx(0.3 * entropy));
    // a bit through a channel that flips one in ten: log 2 - H(0.1)
    CHECK(mutual_information(uniform_kernel(2, 0.8), std::vector<double>{0.5, 0.5}) ==
          Approx(std::log(2.0) + 0.1 * std::log(0.1) + 0.9 * std::log(0.9)));
}

TEST_CASE("a mask that takes 1 of the T - t + 1 that are left loses as much in each step") {
    const auto family = [](double keep) { return absorbing_kernel(5, 4, keep); };
    const auto beta = mutual_information_beta(family, p, 20);
    for (std::size_t t = 0; t < 20; ++t)
        CHECK(beta(t, 20) == Approx(reciprocal_beta{}(t, 20)).epsilon(1e-12));
}

TEST_CASE("the uniform process loses as much in each step with betas made for the data") {
    const auto beta =
        mutual_information_beta([](double keep) { return uniform_kernel(5, keep); }, p, 20);
    const auto process = uniform_d3pm(5, beta, 20);
    for (std::size_t t = 0; t <= 20; ++t)
        CHECK(mutual_information(process.jump(t), p) ==
              Approx((1 - double(t) / 20) * entropy).epsilon(1e-11).scale(1));
}

TEST_CASE("so do steps between neighbours with alphas made for the data, but for the very last") {
    const auto rates =
        token_distance_rates(std::vector<double>{0, 1, 2, 3.5, 5}, 5, {.neighbours = 2});
    const auto alphas = mutual_information_alphas(rates, p, 10, 1e-5);
    const auto process = token_d3pm(rates, alphas);
    for (std::size_t t = 0; t < 10; ++t)
        CHECK(mutual_information(process.jump(t), p) ==
              Approx((1 - double(t) / 10) * entropy).epsilon(1e-8).scale(1));
    CHECK(mutual_information(process.jump(10), p) == Approx(1e-5 * entropy).epsilon(1e-3));
}

TEST_CASE("nothing can be lost of data of one state, and not all where tokens are out of reach") {
    const auto uniform = [](double keep) { return uniform_kernel(5, keep); };
    const std::vector<double> one = {0, 1, 0, 0, 0}, wrong = {0.5, 0.25, 0, 0, 0};
    CHECK(is_complete(refusal([&] { mutual_information_beta(uniform, one, 5); }), 0.0));
    CHECK(is_complete(refusal([&] { mutual_information_beta(uniform, wrong, 5); }), 0.75));
    CHECK(is_complete(refusal([&] { mutual_information_beta(uniform, p, 0); }), 0));
    CHECK(is_complete(refusal([&] { mutual_information(uniform(1), wrong); }), 0.75));
    const auto apart =
        token_distance_rates(std::vector<double>{0, 1, 9, 10, 11}, 5, {.neighbours = 1});
    CHECK(is_complete(refusal([&] { mutual_information_alphas(apart, p, 5); })));
    CHECK(is_complete(refusal([&] { mutual_information_alphas(apart, p, 5, 0.5); }), 0.5));
}
