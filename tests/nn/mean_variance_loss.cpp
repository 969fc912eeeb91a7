#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/mean_variance_loss.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/kernel/divergence.hpp>

namespace nn = diffusion::nn;

namespace {

const std::vector<nn::mean_variance_step> steps = {{.error = 0.7, .spread = 0.4},
                                                   {.error = -3, .spread = 2.5}};
const std::vector<double> target = diffusion::test::normals(2 * 3 * 2, 5);
constexpr nn::shape both{2, 3, 1, 4};

nn::var<double> loss_of(const nn::var<double>& in) {
    return nn::mean_variance_loss(in, std::span<const double>(target),
                                  std::span<const nn::mean_variance_step>(steps));
}

}  // namespace

TEST_CASE("the loss of mean and variance is the divergence between posterior and model") {
    nn::tape<double> tape;
    const std::vector<double> x = diffusion::test::normals(both.size(), 6);
    double sum = 0;
    for (std::size_t i = 0; i < 12; ++i) {
        const nn::mean_variance_step& s = steps[i / 6];
        const std::size_t at = i / 2 * 4 + i % 2;
        const double std_p = std::sqrt(1 + s.spread * std::exp(x[at + 2]));  // the posterior's is 1
        sum += diffusion::kl_divergence(0, 1, s.error * (x[at] - target[i]), std_p);
    }
    CHECK(loss_of(tape.constant(both, x.data())).item() ==
          doctest::Approx(sum / 12).epsilon(1e-12));
}

TEST_CASE("its gradient is right in the mean and in the variance") {
    diffusion::test::check_gradient(
        {both}, [](nn::tape<double>&, const auto& in) { return loss_of(in[0]); });
    diffusion::test::check_gradient({both}, [](nn::tape<double>&, const auto& in) {
        return nn::add(loss_of(in[0]), loss_of(in[0]));  // of an input that is read twice
    });
}

TEST_CASE("where the step is right the loss is 0, and the best variance adds the error's square") {
    const nn::mean_variance_step step{.error = 2, .spread = 0.5};
    const std::vector<double> right = {1, -200}, zero = {0}, one = {1};
    nn::tape<double> tape;
    CHECK(nn::mean_variance_loss(tape.constant({1, 1, 1, 2}, right.data()),
                                 std::span<const double>(one), std::span(&step, 1))
              .item() == doctest::Approx(0));
    const double d = step.error * 0.3;
    const std::vector<double> x = {0.3, std::log(d * d / step.spread)};
    const auto in = tape.input({1, 1, 1, 2}, x.data());
    tape.backward(nn::mean_variance_loss(in, std::span<const double>(zero), std::span(&step, 1)));
    CHECK(std::abs(in.gradient()[1]) < 1e-15);
    CHECK(in.gradient()[0] > 0);
}

TEST_CASE("a variance beyond all numbers costs what its logarithm says") {
    const nn::mean_variance_step step{.error = 2, .spread = 0.5};
    const std::vector<double> x = {3, 2000}, zero = {0};
    nn::tape<double> tape;
    const auto in = tape.input({1, 1, 1, 2}, x.data());
    const auto loss =
        nn::mean_variance_loss(in, std::span<const double>(zero), std::span(&step, 1));
    CHECK(loss.item() == doctest::Approx((std::log(0.5) + 2000 - 1) / 2).epsilon(1e-12));
    tape.backward(loss);
    CHECK(in.gradient()[0] == 0);
    CHECK(in.gradient()[1] == doctest::Approx(0.5).epsilon(1e-12));
}

TEST_CASE("the loss of mean and variance refuses shapes that do not fit") {
    using support::is_complete;
    nn::tape<double> tape;
    const std::vector<double> x(24);
    const auto call = [&](const nn::shape& s, std::size_t targets, std::size_t items) {
        return support::refusal([&] {
            nn::mean_variance_loss(tape.constant(s, x.data()), std::span(target).first(targets),
                                   std::span(steps).first(items));
        });
    };
    CHECK(is_complete(call({2, 1, 2, 3}, 6, 2)));
    CHECK(is_complete(call({2, 3, 1, 4}, 11, 2), 11));
    CHECK(is_complete(call({2, 3, 1, 4}, 12, 1), 1));
}
