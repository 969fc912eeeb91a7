#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <diffusion/manifold/score_dimension.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/noise_level.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>
#include <diffusion/toy/principal_axes.hpp>

#include "support/refusal.hpp"

using namespace diffusion;
using doctest::Approx;
using support::is_complete;
using support::refusal;
using vector = std::vector<double>;

namespace {

constexpr std::size_t D = 6;

node level(double sigma) { return {0, 1, sigma, -std::log(sigma)}; }

/// Data in a plane of six dimensions: variance 1 along two axes that stand askew, none beside.
gaussian_mixture plane() {
    const double a = 1 / std::sqrt(6.0), b = 1 / std::sqrt(2.0);
    const vector u{a, a, a, a, a, a}, v{b, -b, 0, 0, 0, 0};
    vector covariance(D * D);
    for (std::size_t i = 0; i < D; ++i)
        for (std::size_t j = 0; j < D; ++j) covariance[i * D + j] = u[i] * u[j] + v[i] * v[j];
    return gaussian_mixture({{1, vector(D), covariance}});
}

/// The singular values of the matrix with these rows, largest first.
vector singular_values(const vector& rows) {
    vector product(D * D);
    for (std::size_t k = 0; k < rows.size() / D; ++k)
        for (std::size_t i = 0; i < D; ++i)
            for (std::size_t j = 0; j < D; ++j)
                product[i * D + j] += rows[k * D + i] * rows[k * D + j];
    vector values = axes_of(product, D).variances;
    for (double& v : values) v = std::sqrt(std::max(v, 0.0));
    std::sort(values.begin(), values.end(), std::greater<>());
    return values;
}

}  // namespace

TEST_CASE("for little noise the scores leave out as many directions as the data has dimensions") {
    const vector x_0{1, 1, 1, 1, 1, 1};  // in the plane
    vector scores(40 * D);
    scores_around(std::span<const double>(x_0), level(0.001), plane(), gaussian_noise{1}, scores);
    const vector values = singular_values(scores);
    CHECK(dimension_by_gap(values) == 2);
    CHECK(values[3] > 100 * values[4]);
    // Beside the plane the score is -z/sigma: singular values of about sqrt(40)/sigma.
    for (std::size_t i = 0; i < 4; ++i) CHECK(values[i] == Approx(6000).epsilon(0.5));
}

TEST_CASE("for much noise the scores point everywhere") {
    const vector x_0{1, 1, 1, 1, 1, 1};
    vector scores(40 * D);
    scores_around(std::span<const double>(x_0), level(10), plane(), gaussian_noise{1}, scores);
    const vector values = singular_values(scores);
    CHECK(values[5] > 0.3 * values[0]);
}

TEST_CASE("the dimension is the number of values behind the widest gap") {
    CHECK(dimension_by_gap(vector{9, 8.5, 8, 1, 0.5}) == 2);
    CHECK(dimension_by_gap(vector{9, 1, 0.9, 0.8}) == 3);
    CHECK(dimension_by_gap(vector{9, 8, 7, 1}) == 1);
}

TEST_CASE("scores of another length, without noise, and values that rise are refused") {
    vector scores(10);
    const vector x_0(4), y_0(5);
    const auto around = [&](const vector& point, double sigma) {
        return refusal([&] {
            scores_around(std::span<const double>(point), level(sigma), plane(), gaussian_noise{1},
                          scores);
        });
    };
    CHECK(is_complete(around(x_0, 0.1), 10));
    CHECK(is_complete(around(y_0, 0), 0.0));
    CHECK(is_complete(refusal([] { dimension_by_gap(vector{1}); }), 1));
    CHECK(is_complete(refusal([] { dimension_by_gap(vector{1, 2}); }), 2.0));
}
