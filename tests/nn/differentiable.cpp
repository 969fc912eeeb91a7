#include <doctest/doctest.h>
#include <diffusion/nn/differentiable.hpp>
#include <diffusion/nn/mlp.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/likelihood/by_differences.hpp>
#include <diffusion/likelihood/flow_likelihood.hpp>
#include <diffusion/sde/continuous.hpp>
#include <diffusion/tensor/std.hpp>
#include <nn/gradient_check.hpp>
#include <support/refusal.hpp>

namespace nn = diffusion::nn;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// A network that has a Jacobian: its last layer does not start at zero here.
nn::mlp<double> network() {
    nn::mlp<double> net({.in = 2, .hidden = 8, .layers = 2, .out = 2, .classes = 3}, 1);
    const vector more = diffusion::test::normals(net.parameters().change_values().size(), 4);
    for (std::size_t i = 0; i < more.size(); ++i)
        net.parameters().change_values()[i] += 0.2 * more[i];
    return net;
}

const vector points{0.5, -1, 2, 0.25, 0, 0, -3, 1, 0.1, 0.2};  // five of them

}  // namespace

TEST_CASE("a network's vector-Jacobian product is that of differences, for every item of a batch") {
    nn::mlp<double> net = network();
    nn::lanes<double> lanes(nn::lanes_options{.threads = 2, .chunk = 2});
    const auto m = nn::as_differentiable(net, lanes, 1, 1, {1, 3, 1, 0, 2});
    const vector v = diffusion::test::normals(10, 5), w = diffusion::test::normals(10, 6);
    vector out(10), jv(10), moved(w), difference(10);
    m.with_product(points, 0.3, v, out, jv);
    CHECK(out == m(points, 0.3));
    const double h = 1e-5;
    for (std::size_t e = 0; e < 10; ++e) moved[e] = points[e] + h * w[e];
    difference = m(moved, 0.3);
    for (std::size_t e = 0; e < 10; ++e) moved[e] = points[e] - h * w[e];
    const vector below = m(moved, 0.3);
    for (std::size_t i = 0; i < 10; i += 2) {  // w . J^T v = v . J w, item by item
        double wjv = 0, vjw = 0;
        for (std::size_t e = i; e < i + 2; ++e) {
            wjv += w[e] * jv[e];
            vjw += v[e] * (difference[e] - below[e]) / (2 * h);
        }
        CHECK(wjv == Approx(vjw).epsilon(1e-7));
        CHECK(std::abs(wjv) > 1e-6);
    }
}

TEST_CASE("so the likelihood of a network is that of its differences") {
    nn::mlp<double> net = network();
    nn::lanes<double> lanes(1);
    const diffusion::flow_likelihood of(diffusion::vp_sde{}, 0.05, 1.0,
                                        diffusion::trace_estimate::exact,
                                        {.rtol = 1e-8, .atol = 1e-8});
    diffusion::predicts_velocity denoise(nn::as_differentiable(net, lanes, 1, 1));
    const auto found = of(points, 5, denoise);
    const auto expected = of(points, 5, diffusion::by_differences(denoise, points));
    for (std::size_t k = 0; k < 5; ++k)
        CHECK(found.log_density[k] == Approx(expected.log_density[k]).epsilon(1e-5));
}

TEST_CASE("products of other sizes than the images are refused") {
    nn::mlp<double> net = network();
    nn::lanes<double> lanes(1);
    const auto m = nn::as_differentiable(net, lanes, 1, 1, {0, 1});
    vector out(10), jv(10);
    const auto refused = [&](const vector& x, const vector& v) {
        return support::refusal([&] { m.with_product(x, 0.3, v, out, jv); });
    };
    CHECK(support::is_complete(refused(vector(9), vector(9)), 9));
    CHECK(support::is_complete(refused(points, vector(8)), 8));
    CHECK(support::is_complete(refused(points, points), 2));  // labels
}
