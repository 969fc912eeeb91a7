#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/reparameterize.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::normals;

TEST_CASE("a reparameterised sample has the mean and the variance that were asked for") {
    const std::size_t count = 20000;
    const std::vector<double> noise = normals(count, 3), mean(count, 2.0),
                              log_variance(count, std::log(9.0));
    nn::tape<double> tape;
    const nn::shape s{1, 1, 1, count};
    const auto z = nn::reparameterize(tape.constant(s, mean.data()),
                                      tape.constant(s, log_variance.data()), std::span(noise));
    double sum = 0, squares = 0;
    for (double v : z.values()) {
        sum += v;
        squares += (v - 2) * (v - 2);
    }
    CHECK(sum / count == doctest::Approx(2).epsilon(0.05));
    CHECK(squares / count == doctest::Approx(9).epsilon(0.05));
}

TEST_CASE("the gradient passes through a sample to the mean and to the log-variance") {
    const std::vector<double> noise = normals(2 * 3 * 5, 3);
    check_gradient({{2, 3, 1, 5}, {2, 3, 1, 5}}, [&](auto&, const auto& v) {
        return nn::reparameterize(v[0], v[1], std::span<const double>(noise));
    });
    check_gradient({{2, 3, 1, 5}}, [&](auto&, const auto& v) {  // several readers
        return nn::add(nn::reparameterize(v[0], v[0], std::span<const double>(noise)), v[0]);
    });
}

TEST_CASE("a Gaussian and noise of other shapes are refused") {
    const std::vector<double> x(6);
    nn::tape<double> tape;
    const auto a = tape.constant({1, 1, 3, 2}, x.data()), b = tape.constant({1, 1, 2, 2}, x.data());
    const auto of = [&](const auto& mean, const auto& log_variance, std::size_t count) {
        return support::refusal([&] {
            nn::reparameterize(mean, log_variance, std::span<const double>(x).first(count));
        });
    };
    CHECK(support::is_complete(of(a, b, 6)));
    CHECK(of(a, a, 4) ==
          "diffusion::nn::reparameterize: there must be one number of noise for each element, got "
          "4");
}
