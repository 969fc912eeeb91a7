#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/kernel/divergence.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// Three components in three dimensions: one number, three numbers, a full matrix.
const gaussian_mixture mixture({{0.5, {1, 0, -1}, {0.3}},
                                {0.2, {-1, 2, 0.5}, {0.1, 0.4, 0.9}},
                                {0.3, {0, -1, 1}, {1, 0.5, 0.2, 0.5, 0.6, 0, 0.2, 0, 0.4}}});
const vector points{0.3, -0.4, 0.8, 1.2, 0.1, -0.9, -3, 2, 5};
constexpr std::size_t d = 3;

/// Noise levels of three processes: clean, hardly noised, half, almost and altogether noise.
const std::vector<noise_level> levels{
    clean_data,     variance_preserving(-1e-3),  vp_linear{}(0.4),
    vp_linear{}(1), variance_exploding_level(3), noise_level{0, 1, -INFINITY}};

node at(const noise_level& t) { return {0, t.alpha, t.sigma, t.lambda}; }

double log_density(const vector& point, const noise_level& t) {
    return mixture.log_densities(point, t)[0];
}

static_assert(denoiser<const gaussian_mixture, vector>);
static_assert(denoiser<const gaussian_mixture, std::span<float>>);

}  // namespace

TEST_CASE("a mixture of one Gaussian of independent elements has the density of each of them") {
    const gaussian_mixture one({{1, {0.7, -0.2}, {0.25, 4}}});
    const noise_level t = vp_linear{}(0.3);
    const vector x{0.1, 3};
    const double expected =
        diffusion::log_density(0.1, t.alpha * 0.7, std::hypot(t.alpha * 0.5, t.sigma)) +
        diffusion::log_density(3.0, t.alpha * -0.2, std::hypot(t.alpha * 2, t.sigma));
    CHECK(one.log_densities(x, t)[0] == Approx(expected).epsilon(1e-14));
}

TEST_CASE("the density of correlated elements is the textbook's") {
    const gaussian_mixture one({{1, {1, 2}, {2, 0.6, 0.6, 0.5}}});
    const double det = 2 * 0.5 - 0.36, u = -0.3, v = 0.4;
    const double form = (0.5 * u * u - 2 * 0.6 * u * v + 2 * v * v) / det;
    CHECK(one.log_densities(vector{1 + u, 2 + v})[0] ==
          Approx(-0.5 * form - 0.5 * std::log(det) - std::log(2 * 3.14159265358979324))
              .epsilon(1e-14));
}

TEST_CASE("densities integrate to 1 at every level") {
    const gaussian_mixture line({{0.3, {-1}, {0.09}}, {0.7, {0.8}, {0.04}}});
    for (const noise_level& t : levels) {
        double sum = 0;
        const double step = 0.005 * (1 + t.sigma), wide = 8 * (1 + t.sigma);
        for (double x = -wide; x < wide; x += step)
            sum += step * std::exp(line.log_densities(vector{x}, t)[0]);
        CHECK(sum == Approx(1).epsilon(1e-9));
    }
}

TEST_CASE("the score is the gradient of the log-density") {
    for (const noise_level& t : levels) {
        vector score(points.size());
        mixture.score(points, t, score);
        for (std::size_t e = 0; e < points.size(); ++e) {
            const std::size_t from = e / d * d;
            vector x(points.begin() + long(from), points.begin() + long(from + d));
            const double h = 1e-5;
            x[e % d] = points[e] + h;
            const double above = log_density(x, t);
            x[e % d] = points[e] - h;
            const double below = log_density(x, t);
            CHECK(score[e] == Approx((above - below) / (2 * h)).epsilon(1e-7));
        }
    }
}

TEST_CASE("posterior mean and score say the same: Tweedie's formula") {
    // alpha E[x_0 | x_t] = x_t + sigma^2 grad log q(x_t)   (Efron 2011)
    for (const noise_level& t : levels) {
        vector score(points.size()), x0(points.size());
        mixture.score(points, t, score);
        mixture(points, at(t), x0);
        for (std::size_t e = 0; e < points.size(); ++e)
            CHECK(std::abs(t.alpha * x0[e] - points[e] - t.sigma * t.sigma * score[e]) < 1e-12);
    }
}

TEST_CASE("in pure noise the posterior mean is the mean of the data, without noise x itself") {
    vector x0(points.size());
    mixture(points, at(levels.back()), x0);
    for (std::size_t e = 0; e < x0.size(); ++e)
        CHECK(x0[e] == Approx(mixture.mean()[e % d]).epsilon(1e-14));
    mixture(points, at(clean_data), x0);
    for (std::size_t e = 0; e < x0.size(); ++e) CHECK(x0[e] == Approx(points[e]).epsilon(1e-14));
}

TEST_CASE("products with the Jacobian are differences of the posterior mean, and it is symmetric") {
    for (const noise_level& t : levels) {
        const vector v{1, -0.5, 0.3, 0.2, 2, 0.1, -1, 1, 0.7}, w{0.3, 1, 1, -2, 0, 1, 1, 0.5, -1};
        vector product(points.size()), other(points.size()), above(points), below(points);
        mixture.jacobian_product(points, t, v, product);
        mixture.jacobian_product(points, t, w, other);
        const double h = 1e-5;
        for (std::size_t e = 0; e < points.size(); ++e) {
            above[e] += h * v[e];
            below[e] -= h * v[e];
        }
        mixture(above, at(t), above);  // in place
        mixture(below, at(t), below);
        double wjv = 0, vjw = 0;
        for (std::size_t e = 0; e < points.size(); ++e) {
            CHECK(std::abs(product[e] - (above[e] - below[e]) / (2 * h)) < 1e-8);
            wjv += w[e] * product[e];
            vjw += v[e] * other[e];
        }
        CHECK(std::abs(wjv - vjw) < 1e-12 * (1 + std::abs(wjv)));
    }
}

TEST_CASE("drawn points have the moments of the mixture, and of its noised form") {
    const std::size_t n = 40000;
    for (const noise_level& t : {clean_data, vp_linear{}(0.3)}) {
        vector x(n * d), mean(d), c(d * d);
        const auto component = mixture.draw(x, 3, 0, t);
        double first = 0;
        for (std::size_t i = 0; i < n; ++i) {
            first += component[i] == 0 ? 1.0 / n : 0;
            for (std::size_t j = 0; j < d; ++j) mean[j] += x[i * d + j] / n;
        }
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t e = 0; e < d * d; ++e)
                c[e] += (x[i * d + e / d] - mean[e / d]) * (x[i * d + e % d] - mean[e % d]) / n;
        const double error = 5 / std::sqrt(double(n));  // of variances up to 2
        CHECK(std::abs(first - 0.5) < error);
        for (std::size_t j = 0; j < d; ++j)
            CHECK(std::abs(mean[j] - t.alpha * mixture.mean()[j]) < error);
        for (std::size_t e = 0; e < d * d; ++e) {
            const double noise = e % (d + 1) == 0 ? t.sigma * t.sigma : 0;
            const double expected = t.alpha * t.alpha * mixture.covariance()[e] + noise;
            CHECK(std::abs(c[e] - expected) < 2 * error);
        }
    }
}

TEST_CASE("a draw is a function of seed and number, in float as in double") {
    vector x(30), y(30), z(30);
    std::vector<float> f(30);
    const auto component = mixture.draw(x, 7, 2);
    CHECK(mixture.draw(y, 7, 2) == component);
    CHECK(x == y);
    CHECK(mixture.draw(f, 7, 2) == component);
    for (std::size_t e = 0; e < x.size(); ++e) CHECK(std::abs(f[e] - x[e]) < 1e-5);
    mixture.draw(z, 7, 3);
    CHECK(x[0] != z[0]);
}

TEST_CASE("far from all components, and where one weighs nothing, there are still numbers") {
    const gaussian_mixture two({{0, {0.0}, {1}}, {1, {5.0}, {0.01}}, {0, {9.0}, {1}}});
    const vector far{1e4};
    vector score(1), x(1000);
    two.score(far, clean_data, score);
    CHECK(score[0] == Approx(-(1e4 - 5) / 0.01).epsilon(1e-12));
    CHECK(two.log_densities(far)[0] == Approx(diffusion::log_density(1e4, 5, 0.1)).epsilon(1e-12));
    for (const std::size_t k : two.draw(x, 1)) CHECK(k == 1);
}

TEST_CASE("components may be points, where there is noise") {
    const gaussian_mixture coin({{0.5, {-1}, {0}}, {0.5, {1}, {0}}});
    const noise_level t = variance_exploding_level(0.5);
    vector x0(1);
    coin(vector{0.2}, at(t), x0);
    CHECK(x0[0] == Approx(std::tanh(0.2 / 0.25)).epsilon(1e-14));
    CHECK(support::is_complete(support::refusal([&] { coin.log_densities(vector{0.2}); }), 0.0));
}

TEST_CASE("weights, means and covariances that make no mixture are refused") {
    using support::is_complete;
    using support::refusal;
    const auto make = [](std::vector<gaussian_component> c) {
        return refusal([&] { static_cast<void>(gaussian_mixture(c)); });
    };
    CHECK(is_complete(make({}), 0));
    CHECK(is_complete(make({{0.5, {0}, {1}}, {0.4, {1}, {1}}}), 0.9));
    CHECK(is_complete(make({{1.5, {0}, {1}}, {-0.5, {1}, {1}}}), -0.5));
    CHECK(is_complete(make({{NAN, {0}, {1}}})));
    CHECK(is_complete(make({{0.5, {0}, {1}}, {0.5, {1, 2}, {1}}}), 2));
    CHECK(is_complete(make({{1, {}, {1}}}), 0));
    CHECK(is_complete(make({{1, {INFINITY}, {1}}})));
    CHECK(is_complete(make({{1, {0, 0, 0}, {1, 1}}}), 2));
    CHECK(is_complete(make({{1, {0}, {-1}}}), -1));
    CHECK(is_complete(make({{1, {0, 0}, {1, 2, 2, 1}}})));  // indefinite
    CHECK(is_complete(refusal([] { mixture.log_densities(vector(4)); })));
    vector small(3);
    CHECK(is_complete(refusal([&] { mixture.score(points, clean_data, small); }), 3));
}
