#include <doctest/doctest.h>
#include <diffusion/nn/binomial_loss.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/discrete/binomial_bound.hpp>

namespace nn = diffusion::nn;

namespace {

// a step to the data, where the posteriors are 0 and 1, one in the middle, one that says nothing
const std::vector<nn::bit_step> steps = {
    {0, 1, true},      {0, 1, false},           {0.2, 0.9, true},
    {0.2, 0.9, false}, {0.01, 0.02, true, 1.5}, {0.5, 0.5, false}};

nn::var<double> loss_of(const nn::var<double>& in) {
    return nn::binomial_loss(in, std::span<const nn::bit_step>(steps));
}

}  // namespace

TEST_CASE("the loss of a guessed bit is the divergence of two coins") {
    nn::tape<double> tape;
    const std::vector<double> x = diffusion::test::normals(6, 3);
    double sum = 0;
    for (std::size_t i = 0; i < 6; ++i) {
        const double m = 1 / (1 + std::exp(-x[i] - steps[i].evidence));
        const double p = m * steps[i].one_if_1 + (1 - m) * steps[i].one_if_0;
        sum += diffusion::binomial_divergence(steps[i].data ? steps[i].one_if_1 : steps[i].one_if_0,
                                              p);
    }
    CHECK(loss_of(tape.constant({2, 1, 1, 3}, x.data())).item() ==
          doctest::Approx(sum / 6).epsilon(1e-12));
}

TEST_CASE("its gradient is right, in the step to the data too") {
    diffusion::test::check_gradient(
        {{2, 1, 1, 3}}, [](nn::tape<double>&, const auto& in) { return loss_of(in[0]); });
}

TEST_CASE(
    "a network that is sure, and right, has no loss; and no number overflows if it is wrong") {
    nn::tape<double> tape;
    const std::vector<double> sure = {1e4, -1e4, 1e4, -1e4, 1e4, 0};
    CHECK(loss_of(tape.constant({1, 1, 1, 6}, sure.data())).item() == doctest::Approx(0));
    const std::vector<double> wrong = {-1e4, 1e4, -1e4, 1e4, -1e4, 0};
    const auto in = tape.input({1, 1, 1, 6}, wrong.data());
    const auto loss = loss_of(in);
    CHECK(std::isfinite(loss.item()));
    tape.backward(loss);
    CHECK(in.gradient()[0] == doctest::Approx(-1.0 / 6));  // that of the cross-entropy
    for (const double g : in.gradient()) CHECK(std::isfinite(g));
}

TEST_CASE("there must be a step for each bit") {
    nn::tape<double> tape;
    const std::vector<double> x(5);
    CHECK(support::is_complete(support::refusal([&] {
                                   loss_of(tape.constant({1, 1, 1, 5}, x.data()));
                               }),
                               6));
}
