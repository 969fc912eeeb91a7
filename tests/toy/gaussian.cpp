#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/kernel/divergence.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/toy/gaussian.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

TEST_CASE("a covariance may be given by one number, by one for each element, or in full") {
    const gaussian one({1, 2}, vector{0.5}), diagonal({1, 2}, vector{0.5, 0.25}),
        full({1, 2}, vector{0.5, 0.1, 0.1, 0.25});
    CHECK(one.covariance(0, 0) == 0.5);
    CHECK(one.covariance(1, 1) == 0.5);
    CHECK(one.covariance(0, 1) == 0);
    CHECK(diagonal.covariance(1, 1) == 0.25);
    CHECK(full.covariance(0, 0) == Approx(0.5).epsilon(1e-14));
    CHECK(full.covariance(0, 1) == Approx(0.1).epsilon(1e-14));
    CHECK(full.covariance(1, 1) == Approx(0.25).epsilon(1e-14));
}

TEST_CASE("density, score and posterior mean of one element are the textbook's") {
    const gaussian q({0.7}, vector{0.25});
    const noise_level t = vp_linear{}(0.4);
    const double variance = t.alpha * t.alpha * 0.25 + t.sigma * t.sigma;
    for (const double x : {-2.0, 0.1, 1.0}) {
        vector point{x}, score(1), x0(1), scratch(1);
        const double log_q =
            q.log_peak(t) + q.explain(std::span<const double>(point), t, score, x0, scratch);
        const double u = x - t.alpha * 0.7;
        CHECK(log_q == Approx(log_density(x, t.alpha * 0.7, std::sqrt(variance))).epsilon(1e-13));
        CHECK(score[0] == Approx(-u / variance).epsilon(1e-13));
        CHECK(x0[0] == Approx(0.7 + t.alpha * 0.25 / variance * u).epsilon(1e-13));
        vector v{2}, pulled(1);
        q.pull(v, t, pulled, scratch);
        CHECK(pulled[0] == Approx(2 * t.alpha * 0.25 / variance).epsilon(1e-13));
    }
}

TEST_CASE("placed along its axes, z has the noised covariance") {
    // x - alpha mu = L z: columns of L are the images of the unit vectors, and L L^T is C'
    const gaussian q({1, -1}, vector{2, 0.6, 0.6, 0.5});
    const noise_level t = vp_linear{}(0.2);
    vector l;
    for (std::size_t k = 0; k < 2; ++k) {
        vector z{k == 0 ? 1.0 : 0.0, k == 1 ? 1.0 : 0.0}, x(2);
        q.place(z, t, x);
        l.insert(l.end(), {x[0] - t.alpha * 1, x[1] - t.alpha * -1});
    }
    const double a2 = t.alpha * t.alpha, s2 = t.sigma * t.sigma;
    CHECK(l[0] * l[0] + l[2] * l[2] == Approx(a2 * 2 + s2).epsilon(1e-13));
    CHECK(l[1] * l[1] + l[3] * l[3] == Approx(a2 * 0.5 + s2).epsilon(1e-13));
    CHECK(l[0] * l[1] + l[2] * l[3] == Approx(a2 * 0.6).epsilon(1e-13));
}

TEST_CASE("what is no Gaussian is refused") {
    using support::is_complete;
    using support::refusal;
    const auto make = [](const vector& mean, const vector& covariance) {
        return refusal([&] { static_cast<void>(gaussian(mean, covariance)); });
    };
    CHECK(is_complete(make({}, {1}), 0));
    CHECK(is_complete(make({NAN}, {1})));
    CHECK(is_complete(make({0, 0, 0}, {1, 1}), 2));
    CHECK(is_complete(make({0}, {-0.5}), -0.5));
    CHECK(is_complete(make({0, 0}, {1, 2, 2, 1})));
    CHECK(make({0, 0}, {1, 1, 1, 1}) == "no exception");  // flat in one direction
}
