#include <diffusion/trainer/item_denoiser.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/denoiser/precondition.hpp>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/nn/inference.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

namespace nn = diffusion::nn;
using vector = std::vector<float>;

namespace {

nn::mlp<float> network() {
    nn::mlp<float> net({.in = 1, .hidden = 8, .layers = 2, .out = 1, .time_channels = 8}, 1);
    for (float& w : net.parameters().change_values()) w += 0.03F;  // the last layer starts at zero
    return net;
}

diffusion::node level(double sigma) { return {sigma, 1, sigma, -std::log(sigma)}; }

}  // namespace

TEST_CASE("a denoiser of items asks the same network at a level for each") {
    nn::mlp<float> net = network();
    nn::lanes<float> lanes(1);
    const diffusion::edm_scaling scaling{0.7};
    diffusion::item_denoiser by_item(net, lanes, scaling, {1, 1, 1, 1});
    diffusion::preconditioned one_by_one(nn::as_network(net, lanes, 1, 1), scaling, vector(1));
    const std::vector<diffusion::node> levels{level(0.1), level(2), level(30)};
    const vector x{0.5F, -1, 20};
    vector all(3), one(1);
    by_item(x, levels, all);
    for (std::size_t i = 0; i < 3; ++i) {
        one_by_one(vector{x[i]}, levels[i], one);
        CHECK(all[i] == doctest::Approx(one[0]).epsilon(1e-5));
        CHECK(std::abs(all[i] - x[i]) > 1e-4);
    }
    CHECK(support::is_complete(support::refusal([&] { by_item(vector(2), levels, all); }), 2));
    CHECK(support::is_complete(support::refusal([&] { by_item(x, levels, one); }), 1));
}

TEST_CASE("a velocity net on VP is a denoiser at alpha = 1, too") {
    // D(y, rho) at y = x/alpha: alpha x - sigma v with x = alpha y
    nn::mlp<float> net = network();
    nn::lanes<float> lanes(1);
    const diffusion::node vp = node_at(diffusion::vp_cosine{}, 0.6);
    const auto scaling = [&](const diffusion::node&) {
        return diffusion::precondition_weights{vp.alpha * vp.alpha, -vp.sigma, vp.alpha, vp.t};
    };
    diffusion::item_denoiser moved(net, lanes, scaling, {1, 1, 1, 1});
    diffusion::predicts_velocity original(nn::as_network(net, lanes, 1, 1));
    vector x0(1), expected(1);
    const double alpha = vp.alpha;
    original(vector{0.8F}, vp, expected);
    const std::vector<diffusion::node> at{level(vp.sigma / alpha)};
    moved(vector{float(0.8 / alpha)}, at, x0);
    CHECK(x0[0] == doctest::Approx(expected[0]).epsilon(1e-5));
}
