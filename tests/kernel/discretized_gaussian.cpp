#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include <diffusion/kernel/discretized_gaussian.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;

namespace {

double level(std::size_t n, std::size_t levels) { return -1 + 2 * double(n) / double(levels - 1); }

}  // namespace

TEST_CASE("the probabilities of all levels sum to 1, whatever the mean and the width") {
    for (const std::size_t levels : std::initializer_list<std::size_t>{2, 16, 256})
        for (const normal_cdf cdf : {normal_cdf::exact, normal_cdf::published})
            for (const double mean : {-1.7, -0.3, 0.9})
                for (const double std : {0.01, 0.3, 5.0}) {
                    const discretized_gaussian p{levels, cdf};
                    double sum = 0;
                    for (std::size_t n = 0; n < levels; ++n)
                        sum += std::exp(p(level(n, levels), mean, std));
                    // theirs adds 1e-12 for every level that is impossible
                    CHECK(sum == Approx(1).epsilon(1e-9));
                }
}

TEST_CASE("of a Gaussian much wider than a bin the probability is the density times the width") {
    const discretized_gaussian p;
    for (const std::size_t n : std::initializer_list<std::size_t>{1, 77, 128, 254}) {
        const double x = level(n, 256);
        CHECK(p(x, 0.1, 0.7) ==
              Approx(log_density(x, 0.1, 0.7) + std::log(2 / 255.0)).epsilon(1e-4));
    }
}

TEST_CASE("of a Gaussian in the middle of a narrow bin nothing is left for the others") {
    const discretized_gaussian p;
    CHECK(p(level(40, 256), level(40, 256), 1e-4) == Approx(0).scale(1).epsilon(1e-12));
    CHECK(p(-1, -5, 1e-4) == Approx(0).scale(1).epsilon(1e-12));  // reaches to infinity
    // a bin further, half a bin from the edge: exp(-z^2/2) of z = (1/255)/1e-4 = 39 and more
    CHECK(p(level(41, 256), level(40, 256), 1e-4) < -700);
    CHECK(p(level(255, 256), -1, 1e-4) < -1e8);
    CHECK(std::isfinite(p(level(255, 256), -1, 1e-4)));
    CHECK(discretized_gaussian{256, normal_cdf::published}(1, -1, 1e-4) ==
          Approx(std::log(1e-12)).epsilon(1e-14));
}

TEST_CASE("its slopes are differences of the log-likelihood, the density's too") {
    const auto check = [](const auto& p, double x, double mean, double std) {
        const double h = 1e-5;
        const gaussian_slope slope = p.slope(x, mean, std);
        const double by_mean =
            (p(x, mean + h * std, std) - p(x, mean - h * std, std)) / (2 * h * std);
        const double by_log_std =
            (p(x, mean, std * std::exp(h)) - p(x, mean, std * std::exp(-h))) / (2 * h);
        CHECK(std::abs(slope.mean - by_mean) < 1e-6 * (1 / std + std::abs(by_mean)));
        CHECK(std::abs(slope.log_std - by_log_std) < 1e-6 * (1 + std::abs(by_log_std)));
    };
    for (const double std : {0.003, 0.05, 1.5})
        for (const double mean : {-1.2, -0.98, 0.0, 0.5, 1.0})
            for (const std::size_t n : std::initializer_list<std::size_t>{0, 1, 128, 190, 255}) {
                check(discretized_gaussian{}, level(n, 256), mean, std);
                check(continuous_gaussian{}, level(n, 256), mean, std);
            }
}

TEST_CASE("a decoder refuses widths that are not positive, and data outside [-1, 1]") {
    using support::is_complete;
    using support::refusal;
    const discretized_gaussian p;
    CHECK(is_complete(refusal([&] { p(0, 0, 0); }), 0.0));
    CHECK(is_complete(refusal([&] { p(0, 0, NAN); })));
    CHECK(is_complete(refusal([&] { p(1.1, 0, 1); }), 1.1));
    CHECK(is_complete(refusal([] { discretized_gaussian{1}(0, 0, 1); }), 1));
    CHECK(std::isfinite(p(1.0f + 1e-7f, 0, 1)));  // rounding is no fault
}
