#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/optimizer.hpp>
#include <diffusion/nn/parallel.hpp>
#include <nn/gradient_check.hpp>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;

TEST_CASE("the gradient of a perceptron with respect to its points is right") {
    nn::mlp<double> net({.hidden = 7, .layers = 2, .time_channels = 6, .classes = 2}, 5);
    for (double& w : net.parameters().at("out.weight").change_values()) w = 0.3;
    const std::vector<double> t = {3, 40, 500};
    const std::vector<std::size_t> labels = {0, 2, 1};
    diffusion::test::check_gradient({{3, 1, 1, 2}}, [&](auto&, const auto& v) {
        return net(v[0], t, std::span<const std::size_t>(labels));
    });
}

TEST_CASE("a perceptron learns a curve") {
    nn::mlp<float> net({.in = 1, .hidden = 32, .layers = 2, .out = 1}, 1);
    nn::lanes<float> lanes(2);
    nn::adam<float> adam(net.parameters());
    std::vector<float> x(64), y(64);
    for (std::size_t i = 0; i < 64; ++i) {
        x[i] = static_cast<float>(i) / 16 - 2;
        y[i] = x[i] * x[i] - 1;
    }
    const double t = 1;
    double loss = 0;
    for (int step = 0; step < 300; ++step) {
        loss = lanes.train(net.parameters(), 64,
                           [&](nn::tape<float>& tape, std::size_t first, std::size_t n) {
                               const auto in = tape.constant({n, 1, 1, 1}, x.data() + first);
                               return nn::mse_loss(net(in, std::span<const double>(&t, 1)),
                                                   std::span<const float>(y).subspan(first, n));
                           });
        adam.step(3e-3);
    }
    CHECK(loss < 1e-2);  // 1.5 at first
}

TEST_CASE("a perceptron without a hidden layer is refused") {
    CHECK_THROWS_AS(nn::mlp<float>({.layers = 0}), std::invalid_argument);
}
