#include <doctest/doctest.h>
#include <diffusion/nn/pseudo_huber.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::normals;
using doctest::Approx;
using span = std::span<const double>;

namespace {

double loss(const std::vector<double>& prediction, const std::vector<double>& target, double c,
            const std::vector<double>& weights = {}) {
    nn::tape<double> tape;
    return nn::pseudo_huber_loss(tape.constant({2, 1, 1, prediction.size() / 2}, prediction.data()),
                                 span(target), c, span(weights))
        .item();
}

}  // namespace

TEST_CASE("the pseudo-Huber loss of an item is sqrt(d^2 + c^2) - c, with d its norm") {
    // norms 5 and 0; 2 sqrt(3) = 12^(1/2)
    CHECK(loss({3, 4, 1, 1}, {0, 0, 1, 1}, std::sqrt(11)) == Approx((6 - std::sqrt(11)) / 2));
    CHECK(loss({3, 4, 0, 0}, {0, 0, 0, 2}, 0.5, {0, 3}) == Approx(3 * (std::sqrt(4.25) - 0.5) / 2));
}

TEST_CASE("it is half the square over c for small errors, and the norm less c for large ones") {
    CHECK(loss({1e-9, 0}, {0, 0}, 0.1) == Approx(1e-18 / 0.2 / 2).epsilon(1e-12));
    CHECK(loss({1e9, 0}, {0, 0}, 0.1) == Approx((1e9 - 0.1) / 2).epsilon(1e-12));
}

TEST_CASE("the gradient of the pseudo-Huber loss is its derivative, and bounded by the weight") {
    const nn::shape s{3, 2, 1, 3};
    const std::vector<double> target = normals(s.size(), 5), weights = {1, 0.2, 3};
    for (const double c : {0.01, 0.7})
        check_gradient({s}, [&](auto&, const auto& x) {
            return nn::pseudo_huber_loss(nn::var<double>(x[0]), span(target), c, span(weights));
        });
}

TEST_CASE("sizes that do not fit, and a c that is none, are refused") {
    const std::vector<double> two(2), three(3), one(1);
    CHECK(support::is_complete(support::refusal([&] { loss(two, three, 1); }), 3));
    CHECK(support::is_complete(support::refusal([&] { loss(two, two, 1, one); }), 1));
    CHECK(support::is_complete(support::refusal([&] { loss(two, two, 0); }), 0.0));
}
