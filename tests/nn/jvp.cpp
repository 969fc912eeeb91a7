#include <doctest/doctest.h>
#include <diffusion/nn/jvp.hpp>
#include <diffusion/nn/jvp_group_norm.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/rearrange.hpp>
#include <diffusion/nn/vjp.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::normals;
using doctest::Approx;
using var = nn::var<double>;
using dual = nn::dual<double>;

namespace {

/// Compares the tangent of f(dual{v[0], v[1]}, v) with central differences of its value along v[1];
/// and the gradient of value + tangent, with respect to all of v, with central differences again.
template <class F>
void check_tangent(const std::vector<nn::shape>& shapes, F&& f) {
    REQUIRE(shapes[0] == shapes[1]);
    check_gradient(shapes, [&](auto&, const auto& v) {
        const dual y = f(dual{v[0], v[1]}, v);
        return nn::add(y.value, y.tangent);
    });

    nn::tape<double> tape;
    std::vector<std::vector<double>> x;
    std::vector<var> v;
    for (std::size_t i = 0; i < shapes.size(); ++i) x.push_back(normals(shapes[i].size(), 10 + i));
    for (std::size_t i = 0; i < shapes.size(); ++i)
        v.push_back(tape.constant(shapes[i], x[i].data()));
    const dual y = f(dual{v[0], v[1]}, v);
    const double h = 1e-5;
    std::vector<double> ahead = x[0], behind = x[0];
    for (std::size_t i = 0; i < ahead.size(); ++i) {
        ahead[i] += h * x[1][i];
        behind[i] -= h * x[1][i];
    }
    const var above = f(dual{tape.constant(shapes[0], ahead.data()), v[1]}, v).value;
    const var below = f(dual{tape.constant(shapes[0], behind.data()), v[1]}, v).value;
    REQUIRE(y.tangent.size() == y.value.size());
    for (std::size_t i = 0; i < y.value.size(); ++i)
        CHECK(std::abs(y.tangent.data()[i] - (above.data()[i] - below.data()[i]) / (2 * h)) < 1e-7);
}

}  // namespace

TEST_CASE("the tangent of each operation is the derivative along the input's, and has a gradient") {
    const nn::shape point{2, 1, 1, 3}, image{2, 3, 5, 4};
    check_tangent({point, point, {1, 1, 1, 12}, {1, 1, 1, 4}},
                  [](const dual& x, const auto& v) { return nn::silu(nn::linear(x, v[2], v[3])); });
    check_tangent({image, image, {1, 1, 1, 9 * 8}, {1, 1, 1, 2}}, [](const dual& x, const auto& v) {
        return nn::tanh(nn::convolve(x, v[2], v[3], 2, 3, 2));
    });
    check_tangent({image, image, image}, [](const dual& x, const auto& v) {
        const dual h = nn::softplus(nn::add(x, v[2]));
        return nn::multiply(nn::concat(nn::scale(h, 3.0), x), nn::concat(x, nn::elu(h)));
    });
    const nn::shape even{1, 2, 4, 2};
    check_tangent({even, even, even}, [](const dual& x, const auto& v) {
        const dual h = nn::silu(nn::upsample_nearest(nn::average_pool(nn::multiply(x, v[2]))));
        return nn::add(h, x);
    });
}

TEST_CASE("the tangent of a group norm, with all that it can be told") {
    const nn::shape s{2, 3, 1, 4}, row{1, 1, 1, 4};
    check_tangent({s, s}, [](const dual& x, const auto&) {
        return nn::group_norm(x, var(), var(), {.groups = 2});
    });
    check_tangent({s, s, row, row, {2, 1, 1, 4}}, [](const dual& x, const auto& v) {
        return nn::group_norm(x, v[2], v[3], {.groups = 2, .with_silu = true}, v[4]);
    });
    nn::tape<double> tape;
    const std::vector<double> zeros(s.size());
    const var x = tape.constant(s, zeros.data());
    for (const std::size_t groups : {0U, 3U})
        CHECK_THROWS_AS(nn::group_norm(dual{x, x}, var(), var(), {.groups = groups}),
                        std::invalid_argument);
}

namespace {

/// A small net of images, written once for vars and duals.
struct small_net {
    nn::parameters<double> store{1};
    nn::conv2d<double> first{store, "first", 2, 4}, last{store, "last", 4, 2};
    nn::group_norm_layer<double> norm{store, "norm", 4, {.groups = 2, .with_silu = true}};

    template <class X>
    X operator()(const X& x) const {
        return nn::add(last(norm(first(x))), x);
    }
};

/// The sum over all but the items of x, {items, 1, 1, 1}.
var sum_of_items(const var& x) {
    const std::size_t items = x.shape().items, each = x.size() / items;
    return nn::scale(nn::global_average_pool(nn::reshape(x, {items, each, 1, 1})),
                     static_cast<double>(each));
}

/// The mean over the items of v . J v + (v . s)^2 / 2 (Song et al. 2019, eq. 8).
template <class Net>
var sliced_loss(const Net& net, const var& x, const var& v) {
    const dual s = nn::jvp(net, x, v);
    const var along = sum_of_items(nn::multiply(s.value, v));
    const var each = nn::add(sum_of_items(nn::multiply(s.tangent, v)),
                             nn::scale(nn::multiply(along, along), 0.5));
    return nn::global_average_pool(nn::reshape(each, {1, each.size(), 1, 1}));
}

/// Compares the gradient of the sliced loss with central differences for each of a store's
/// parameters.
template <class Net>
void check_training(const Net& net, nn::parameters<double>& store, const nn::shape& s) {
    const std::vector<double> x = normals(s.size(), 1), v = normals(s.size(), 2);
    std::vector<double> gradient(store.values().size());
    nn::tape<double> tape;
    tape.collect(store, gradient);
    const auto loss = [&] {
        return sliced_loss(net, tape.constant(s, x.data()), tape.constant(s, v.data()));
    };
    tape.backward(loss());
    CHECK(tape.recorded() == 0);
    tape.recording(false);
    const double h = 1e-5;
    double worst = 0, largest = 0;
    for (const nn::parameter_info& p : store.list())
        for (std::size_t i = p.offset; i < p.offset + p.size; ++i) {
            const double middle = std::as_const(store).values()[i];
            store.change_values()[i] = middle + h;
            const double above = loss().item();
            store.change_values()[i] = middle - h;
            const double below = loss().item();
            store.change_values()[i] = middle;
            const double expected = (above - below) / (2 * h);
            worst = support::worse(worst, std::abs(expected - gradient[i]));
            largest = std::max(largest, std::abs(expected));
        }
    CHECK(largest > 0.1);
    CHECK(worst < 1e-7 * std::max(largest, 1.0));
}

}  // namespace

TEST_CASE(
    "sliced score matching has its parameter gradient: forward over reverse, no differences") {
    SUBCASE("of an mlp with times") {
        nn::mlp<double> net({.hidden = 6, .layers = 2, .time_channels = 4}, 1);
        const auto w = net.parameters().at("out.weight").change_values();
        std::ranges::copy(normals(w.size(), 3), w.begin());
        const std::vector<double> t = {1, 20, 300};
        check_training([&](const auto& x) { return net(x, t); }, net.parameters(), {3, 1, 1, 2});
    }
    SUBCASE("of a small net of convolutions and a norm") {
        small_net net;
        check_training(net, net.store, {2, 3, 4, 2});
    }
}

TEST_CASE(
    "among linear scores a x of data with second moment m, the sliced loss picks a = -1 / m") {
    const std::vector<double> x = {0.5, -2, 1, 3}, v = {1, -1, 1, 1};
    const double m = (0.25 + 4 + 1 + 9) / 4;
    nn::parameters<double> store(1);
    const nn::linear_layer<double> score(store, "score", 1, 1);
    store.freeze("score.bias");
    std::ranges::fill(store.change_values(), 0.0);
    std::vector<double> gradient(store.values().size());
    nn::tape<double> tape;
    tape.collect(store, gradient);
    const nn::shape s{4, 1, 1, 1};
    const auto slope_at = [&](double a) {
        score.weight.change_values()[0] = a;
        std::ranges::fill(gradient, 0.0);
        tape.backward(sliced_loss(score, tape.constant(s, x.data()), tape.constant(s, v.data())));
        return gradient[score.weight.info().offset];
    };
    CHECK(slope_at(-1 / m) == Approx(0).scale(1));
    CHECK(slope_at(0) == Approx(1));
    CHECK(slope_at(1) == Approx(1 + m));
}

TEST_CASE("forward and back agree: w . (J v) = (J^T w) . v") {
    const small_net net;
    const nn::shape s{2, 5, 3, 2};
    const std::vector<double> x = normals(s.size(), 1), v = normals(s.size(), 2);
    const std::vector<double> w = normals(s.size(), 3);
    nn::tape<double> tape;
    const var at = tape.constant(s, x.data());
    const dual forward = nn::jvp(net, at, tape.constant(s, v.data()));
    const auto [y, product] = nn::vjp(net, at, std::span<const double>(w));
    double one = 0, other = 0;
    for (std::size_t i = 0; i < s.size(); ++i) {
        CHECK(y.data()[i] == Approx(forward.value.data()[i]).epsilon(1e-13));
        one += w[i] * forward.tangent.data()[i];
        other += v[i] * product.data()[i];
    }
    CHECK(one == Approx(other).epsilon(1e-12));
    CHECK_THROWS_AS(nn::jvp(net, at, tape.constant({1, 1, 1, 2}, w.data())), std::invalid_argument);
}
