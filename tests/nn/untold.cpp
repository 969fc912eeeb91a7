#include <doctest/doctest.h>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/untold.hpp>
#include <diffusion/schedule/noise_ladder.hpp>
#include <diffusion/trainer/denoising.hpp>
#include <diffusion/trainer/in_memory.hpp>
#include <diffusion/trainer/trainer.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace nn = diffusion::nn;

namespace {

/// The answers to x, points of `size` numbers, at time t.
template <class Net>
std::vector<float> answers(Net& net, std::size_t size, const std::vector<float>& x, double t) {
    nn::lanes<float> lanes(1);
    std::vector<float> out(x.size());
    nn::evaluate(net, lanes, {x.size() / size, 1, 1, size}, std::span<const float>(x),
                 std::span<const double>(&t, 1), {}, std::span<float>(out));
    return out;
}

}  // namespace

TEST_CASE("a network that is not told the time gives one answer at all times") {
    nn::untold net{nn::mlp<float>({.in = 2, .hidden = 8, .layers = 2}, 1)};
    for (float& v : net.parameters().change_values()) v += 0.1F;  // the last layer starts at 0
    const std::vector<float> x{1, -2, 0.5F, 3};
    const std::vector<float> at_0 = answers(net, 2, x, 0);
    CHECK(at_0[0] != 0);
    CHECK(answers(net, 2, x, 7) == at_0);
    CHECK(answers(net.net, 2, x, 0) == at_0);
    CHECK(answers(net.net, 2, x, 7) != at_0);
}

TEST_CASE("it learns the score over all levels at once, as the norm tells the level") {
    // The data is one point, 0, so eps = x/sigma. The best linear answer, c x with one c for all
    // levels, has the error 1 - (mean sigma)^2/(mean sigma^2) = 0.34; a better one divides by |x|.
    constexpr std::size_t D = 16;
    const diffusion::noise_ladder ladder({4, 2, 1, 0.5});
    nn::untold net{nn::mlp<float>({.in = D, .hidden = 32, .layers = 2, .out = D}, 1)};
    diffusion::denoising model(net, ladder, {.kind = diffusion::target::noise});
    const std::vector<float> zeros(32 * D);
    diffusion::in_memory<float> source({1, 1, 1, D}, zeros, {});
    nn::lanes<float> lanes(1);
    diffusion::trainer training(model, source, lanes, nn::warmup_cosine{1e-2, 10, 200},
                                {.batch = 32});
    double loss = 0;
    training.run(200, [&](const diffusion::step_report& report) {
        if (report.step > 180) loss += report.loss / 20;
    });
    CHECK(loss < 0.3);
}
