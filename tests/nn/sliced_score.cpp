#include <doctest/doctest.h>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/sliced_score.hpp>
#include <diffusion/nn/vjp.hpp>
#include <nn/gradient_check.hpp>
#include <nn/network_check.hpp>
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
using var = nn::var<double>;

namespace {

/// A net of points in the plane that is nowhere zero.
struct field {
    nn::mlp<double> net{{.hidden = 6, .layers = 2, .time_channels = 4}, 1};
    std::vector<double> t{3};

    field() { diffusion::test::randomize(net.parameters(), 0.7); }
    template <class X>
    X operator()(const X& x) const {
        return net(x, t);
    }
};

}  // namespace

TEST_CASE("sliced score matching by forward tangents is v . J^T v of a vector-Jacobian product") {
    const field score;
    const nn::shape s{5, 1, 1, 2};
    const std::vector<double> x = normals(10, 1), v = normals(10, 2);
    nn::tape<double> tape;
    const var at = tape.constant(s, x.data());
    const auto [value, product] = nn::vjp(score, at, span(v));
    double plain = 0, reduced = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        const double* y = value.data() + 2 * i;
        const double *w = v.data() + 2 * i, *j = product.data() + 2 * i;
        const double dot = y[0] * w[0] + y[1] * w[1], trace = j[0] * w[0] + j[1] * w[1];
        plain += (trace + dot * dot / 2) / 5;
        reduced += (trace + (y[0] * y[0] + y[1] * y[1]) / 2) / 5;
    }
    const auto both = nn::jvp(score, at, tape.constant(s, v.data()));
    CHECK(nn::sliced_score_loss(both, span(v), nn::slicing::plain).item() ==
          Approx(plain).epsilon(1e-12));
    CHECK(nn::sliced_score_loss(both, span(v)).item() == Approx(reduced).epsilon(1e-12));
}

TEST_CASE("the loss has the gradient of what it is, for score and tangent") {
    const nn::shape s{3, 2, 1, 2};
    const std::vector<double> v = normals(s.size(), 5);
    for (const nn::slicing how : {nn::slicing::plain, nn::slicing::variance_reduced})
        check_gradient({s, s}, [&](auto&, const auto& x) {
            return nn::sliced_score_loss(nn::dual<double>{x[0], x[1]}, span(v), how);
        });
}

TEST_CASE("its gradient reaches the parameters of a net") {
    field score;
    const nn::shape s{4, 1, 1, 2};
    const std::vector<double> x = normals(8, 1), v = normals(8, 2);
    for (const nn::slicing how : {nn::slicing::plain, nn::slicing::variance_reduced})
        diffusion::test::check_parameter_gradients(
            score.net.parameters(), [&](nn::tape<double>& tape) {
                const auto both =
                    nn::jvp(score, tape.constant(s, x.data()), tape.constant(s, v.data()));
                return nn::sliced_score_loss(both, span(v), how);
            });
}

TEST_CASE("over the directions the plain loss has the mean of the variance-reduced one") {
    const field score;
    const nn::shape s{20000, 1, 1, 2};
    std::vector<double> x(s.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = i % 2 == 0 ? 0.4 : -1.1;  // one point
    const std::vector<double> v = normals(s.size(), 2);
    nn::tape<double> tape;
    const nn::without_recording off(tape);
    const auto both = nn::jvp(score, tape.constant(s, x.data()), tape.constant(s, v.data()));
    const double plain = nn::sliced_score_loss(both, span(v), nn::slicing::plain).item();
    const double reduced = nn::sliced_score_loss(both, span(v)).item();
    const double square =
        both.value.data()[0] * both.value.data()[0] + both.value.data()[1] * both.value.data()[1];
    CHECK(square > 0.3);
    // the difference has the deviation |s|^2 / sqrt(2 n)
    CHECK(std::abs(plain - reduced) < 5 * square / std::sqrt(40000.0));
}

TEST_CASE("a direction of another size is refused") {
    nn::tape<double> tape;
    const std::vector<double> x(6);
    const var s = tape.constant({3, 1, 1, 2}, x.data());
    CHECK(support::is_complete(support::refusal([&] {
                                   nn::sliced_score_loss(nn::dual<double>{s, s}, span(x).first(5));
                               }),
                               5));
}
