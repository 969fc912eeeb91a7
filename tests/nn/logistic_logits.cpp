#include <doctest/doctest.h>
#include <diffusion/nn/logistic_logits.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using doctest::Approx;

TEST_CASE("levels are as likely as the logistic distribution's share of their bins") {
    const double m = 0.3, v = -1.2;
    const std::vector<double> x = {m, v};
    nn::tape<double> tape;
    const auto y = nn::logistic_logits(tape.constant({1, 1, 1, 2}, x.data()), 5);
    REQUIRE(y.shape() == nn::shape{1, 1, 1, 5});
    const auto F = [&](double u) { return 1 / (1 + std::exp(-(u - m) / std::exp(v))); };
    double sum = 0, logits = 0;
    for (int i = 0; i < 5; ++i) {
        sum += F(-0.75 + 0.5 * i) - F(-1.25 + 0.5 * i);
        logits += std::exp(y.data()[i]);
    }
    for (int i = 0; i < 5; ++i)
        CHECK(std::exp(y.data()[i]) / logits ==
              Approx((F(-0.75 + 0.5 * i) - F(-1.25 + 0.5 * i)) / sum).epsilon(1e-12));
}

TEST_CASE("far from the levels, and for tiny scales, logits stay finite and in order") {
    const std::vector<double> x = {40, -6, 0, -6};
    nn::tape<double> tape;
    const auto y = nn::logistic_logits(tape.constant({2, 1, 1, 2}, x.data()), 3);
    for (std::size_t i = 0; i < 6; ++i) CHECK(std::isfinite(y.data()[i]));
    CHECK(y.data()[2] > y.data()[1]);
    CHECK(y.data()[1] > y.data()[0]);
    CHECK(y.data()[4] == Approx(0));  // the middle level, surely
    CHECK(y.data()[3] < -100);
}

TEST_CASE("the gradient of logistic logits is right in mean and scale") {
    for (const std::size_t levels : {std::size_t{2}, std::size_t{7}})
        diffusion::test::check_gradient({{2, 3, 1, 2}}, [&](auto&, const auto& v) {
            return nn::logistic_logits(v[0], levels);
        });
}

TEST_CASE("logistic logits need a mean and a scale, and two levels") {
    const std::vector<double> x(6);
    nn::tape<double> tape;
    CHECK_THROWS_AS(nn::logistic_logits(tape.constant({1, 1, 2, 3}, x.data()), 4),
                    std::invalid_argument);
    CHECK(support::is_complete(support::refusal([&] {
                                   nn::logistic_logits(tape.constant({1, 1, 3, 2}, x.data()), 1);
                               }),
                               1));
}
