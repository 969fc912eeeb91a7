#include <doctest/doctest.h>
#include <diffusion/nn/smooth.hpp>
#include <nn/gradient_check.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace nn = diffusion::nn;
namespace curves = diffusion::nn::detail;
using doctest::Approx;

TEST_CASE("smooth activations and their slopes have the derivatives that they claim") {
    const std::vector<nn::shape> shapes = {{2, 1, 3, 5}};
    const auto check = [&](auto f) {
        diffusion::test::check_gradient(shapes, [&](auto&, const auto& v) { return f(v[0]); });
    };
    check([](const auto& x) { return nn::tanh(x); });
    check([](const auto& x) { return nn::softplus(x); });
    check([](const auto& x) { return nn::elu(x); });
    check([](const auto& x) { return curves::slope_of<curves::tanh_curve>(x); });
    check([](const auto& x) { return curves::slope_of<curves::softplus_curve>(x); });
    check([](const auto& x) { return curves::slope_of<curves::elu_curve>(x); });
    check([](const auto& x) { return curves::slope_of<curves::silu_curve>(x); });
}

TEST_CASE("smooth activations are exact near zero and finite far out") {
    const std::vector<float> x = {-1e30F, -200, -1e-6F, 0, 1e-6F, 200, 1e30F}, one(7, 1.0F);
    nn::tape<float> tape;
    const auto in = tape.input({1, 1, 1, 7}, x.data());
    const auto a = nn::tanh(in), b = nn::softplus(in), c = nn::elu(in);
    const std::vector<float> of_tanh = {-1, -1, -1e-6F, 0, 1e-6F, 1, 1};
    const std::vector<float> of_elu = {-1, -1, -1e-6F, 0, 1e-6F, 200, 1e30F};
    const std::vector<float> of_softplus = {0, 0, 0.6931467F, 0.6931472F, 0.6931477F, 200, 1e30F};
    for (std::size_t i = 0; i < x.size(); ++i) {
        INFO(x[i]);
        CHECK(a.data()[i] == Approx(of_tanh[i]).epsilon(1e-6));
        CHECK(b.data()[i] == Approx(of_softplus[i]).epsilon(1e-6));
        CHECK(c.data()[i] == Approx(of_elu[i]).epsilon(1e-6));
    }
    using curves::slope_of;
    for (const auto& y : {slope_of<curves::tanh_curve>(in), slope_of<curves::softplus_curve>(in),
                          slope_of<curves::elu_curve>(in), slope_of<curves::silu_curve>(in)}) {
        tape.backward(y, one);
        for (std::size_t i = 0; i < x.size(); ++i) {
            CHECK(std::isfinite(y.data()[i]));
            CHECK(std::isfinite(in.gradient()[i]));
        }
    }
}
