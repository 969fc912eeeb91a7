#include <diffusion/denoiser/relative_variance.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const auto network = [](const vector& x, double, vector& out, vector& v) {
    out = x;
    v = {0, 1.5};
};

}  // namespace

TEST_CASE("v = 0 is the variance of N(0, I) where x_t is known, at any level and scale") {
    auto D = relative_variance(predicts_data(two_outputs(network, vector(2))));
    static_assert(variance_denoiser<decltype(D), vector>);
    vector x{1, 2}, x0(2), v(2);
    for (const node t : {node{0, 0.8, 0.6, 0}, node{0, 1, 5, 0}}) {
        D.with_variance(x, t, x0, v);
        // x_0 = x_t alpha/(alpha^2 + sigma^2) + ..., Var = 1 - alpha^2/(alpha^2 + sigma^2)
        CHECK(std::exp(v[0]) ==
              Approx(1 - t.alpha * t.alpha / std::pow(std::hypot(t.alpha, t.sigma), 2)));
        CHECK(v[1] - v[0] == Approx(1.5));
        CHECK(x0 == x);
    }
}

TEST_CASE("all else is the wrapped denoiser's affair") {
    auto D = relative_variance(predicts_noise(two_outputs(network, vector(2))));
    const node t{0, 0.8, 0.6, 0};
    vector x{1, 2}, wrapped(2), plain(2);
    D(x, t, wrapped);
    predicts_noise(two_outputs(network, vector(2)))(x, t, plain);
    CHECK(wrapped == plain);
    CHECK_THROWS_AS(D.check({0, 0, 1, 0}), std::invalid_argument);
}
