#include "../../examples/support/frechet.hpp"

#include "../../examples/support/drawn_digits.hpp"

#include <Eigen/Geometry>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

using examples::drawn_digits;
using examples::feature_statistics;
using examples::frechet_distance;

TEST_CASE("between Gaussians with commuting covariances the distance is |dm|^2 + sum (ds)^2") {
    feature_statistics one{Eigen::VectorXd::Zero(3), Eigen::MatrixXd::Zero(3, 3)};
    feature_statistics two = one;
    one.mean << 1, 2, 3;
    two.mean << 1, 0, 4;
    one.covariance.diagonal() << 4, 1, 0;  // standard deviations 2, 1, 0
    two.covariance.diagonal() << 1, 9, 4;  //                     1, 3, 2
    CHECK(frechet_distance(one, two) == doctest::Approx(4 + 1 + 1 + 4 + 4));
    CHECK(frechet_distance(two, one) == doctest::Approx(14));
    CHECK(frechet_distance(one, one) == doctest::Approx(0));

    Eigen::Matrix3d turn;  // a rotation of both changes nothing
    turn = Eigen::AngleAxisd(0.7, Eigen::Vector3d(1, 2, 3).normalized());
    for (feature_statistics* s : {&one, &two}) {
        s->mean = turn * s->mean;
        s->covariance = turn * s->covariance * turn.transpose();
    }
    CHECK(frechet_distance(one, two) == doctest::Approx(14));
}

TEST_CASE("real digits are near to real ones, shifted ones further, and noise is far away") {
    const auto real = drawn_digits(1, 0, 400, 16);
    const auto other = drawn_digits(2, 0, 400, 16);
    std::vector<float> shifted = other.pixels;
    shifted.pop_back();
    shifted.insert(shifted.begin(), -1.0f);
    std::vector<float> noise(other.pixels.size());
    for (std::size_t i = 0; i < noise.size(); ++i)
        noise[i] = float(std::sin(1.3e4 * double(i * i)));

    const auto reference = feature_statistics::of(real.pixels, 16, 16);
    const double floor = frechet_distance(reference, feature_statistics::of(other.pixels, 16, 16));
    const double moved = frechet_distance(reference, feature_statistics::of(shifted, 16, 16));
    const double ceiling = frechet_distance(reference, feature_statistics::of(noise, 16, 16));
    CHECK(moved > 5 * floor);
    CHECK(ceiling > 5 * moved);
}

TEST_CASE("a digit missing from a set shows in the distance") {
    const auto real = drawn_digits(1, 0, 1000, 16);
    const auto other = drawn_digits(2, 0, 1000, 16);
    std::vector<float> without;
    for (std::size_t i = 0; i < other.count; ++i)
        if (other.labels[i] != 7)
            without.insert(without.end(), other.picture(i).begin(), other.picture(i).end());
    const auto reference = feature_statistics::of(real.pixels, 16, 16);
    CHECK(frechet_distance(reference, feature_statistics::of(without, 16, 16)) >
          1.5 * frechet_distance(reference, feature_statistics::of(other.pixels, 16, 16)));
}

TEST_CASE("fewer than two pictures have no covariance") {
    const auto one = drawn_digits(1, 0, 1, 16);
    CHECK_THROWS_AS(feature_statistics::of(one.pixels, 16, 16), std::invalid_argument);
}
