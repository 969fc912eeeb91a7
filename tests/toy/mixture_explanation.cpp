#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/toy/mixture_explanation.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const vector weights{0.25, 0.75};
const vector narrow{0.04}, wide{1};
const std::vector<gaussian> components{gaussian({-1}, narrow), gaussian({2}, wide)};

}  // namespace

TEST_CASE("shares follow Bayes' rule, and add up to 1") {
    mixture_explanation seen(weights, components, clean_data);
    for (const double x : {-1.5, -0.7, 0.0, 3.0}) {
        const vector point{x};
        seen.look(std::span<const double>(point));
        const double first = 0.25 * std::exp(log_density(x, -1, 0.2));
        const double second = 0.75 * std::exp(log_density(x, 2, 1));
        CHECK(seen.r[0] == Approx(first / (first + second)).epsilon(1e-13));
        CHECK(seen.r[0] + seen.r[1] == Approx(1).epsilon(1e-15));
        CHECK(seen.log_density == Approx(std::log(first + second)).epsilon(1e-13));
    }
}

TEST_CASE("noise makes every point undecided: the shares become the weights") {
    mixture_explanation seen(weights, components, {0.001, 1, std::log(0.001)});
    const vector point{0.3};
    seen.look(std::span<const double>(point));
    CHECK(seen.r[0] == Approx(0.25).epsilon(2e-3));
}

TEST_CASE("a component that is a point is refused where there is no noise") {
    const std::vector<gaussian> points{gaussian({0}, vector{0})};
    CHECK(support::is_complete(
        support::refusal([&] { mixture_explanation(vector{1}, points, clean_data); }), 0.0));
}
