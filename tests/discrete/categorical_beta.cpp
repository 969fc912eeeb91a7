#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>

#include <diffusion/discrete/categorical_beta.hpp>
#include <diffusion/schedule/beta.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

/// prod over j <= t of (1 - beta_j), t = 1 .. T.
template <beta_schedule Beta>
double kept(const Beta& beta, std::size_t t, std::size_t T) {
    double product = 1;
    for (std::size_t j = 0; j < t; ++j) product *= 1 - beta(j, T);
    return product;
}

}  // namespace

TEST_CASE("with betas 1/T, ..., 1/2, 1 the share of what is kept falls in a straight line") {
    for (std::size_t t = 0; t <= 10; ++t)
        CHECK(kept(reciprocal_beta{}, t, 10) == Approx(1 - 0.1 * double(t)).epsilon(1e-14));
    CHECK(reciprocal_beta{}(0, 10) == 0.1);
    CHECK(reciprocal_beta{}(9, 10) == 1);
    CHECK(reciprocal_beta{}(0, 1) == 1);
}

TEST_CASE("Hoogeboom's cosine is a cosine of what is kept, not of its root") {
    const auto f = [](double u) { return std::cos(std::acos(-1.0) / 2 * (u + 0.008) / 1.008); };
    const multinomial_cosine_beta exact{.cap = 1};
    for (std::size_t t = 0; t < 100; ++t)
        CHECK(kept(exact, t, 100) == Approx(f(double(t) / 100) / f(0)).epsilon(1e-12));
    CHECK(kept(exact, 100, 100) == 0);
    CHECK(multinomial_cosine_beta{}(99, 100) == 0.999);
    CHECK(multinomial_cosine_beta{.cap = 0.1}(98, 100) == 0.1);
}

TEST_CASE("the cosine's constants must be possible") {
    using support::is_complete;
    using support::refusal;
    CHECK(is_complete(refusal([] { multinomial_cosine_beta{.s = -1}(0, 10); }), -1.0));
    CHECK(is_complete(refusal([] { multinomial_cosine_beta{.cap = 0}(0, 10); }), 0.0));
    CHECK(is_complete(refusal([] { multinomial_cosine_beta{.cap = 1.5}(0, 10); }), 1.5));
}
