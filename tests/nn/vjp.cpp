#include <doctest/doctest.h>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/mlp.hpp>
#include <diffusion/nn/parallel.hpp>
#include <diffusion/nn/vjp.hpp>
#include <nn/gradient_check.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using doctest::Approx;
using span = std::span<const double>;

namespace {

/// A net of points in the plane whose last layer does not start at zero.
struct field {
    nn::mlp<double> net{{.hidden = 8, .layers = 2}, 1};
    std::vector<double> t{3};

    field() {
        const auto w = net.parameters().at("out.weight").change_values();
        std::ranges::copy(diffusion::test::normals(w.size(), 3), w.begin());
    }
    nn::var<double> operator()(const nn::var<double>& x) const { return net(x, t); }
};

}  // namespace

TEST_CASE("the vector-Jacobian product of a matrix is its transpose times the vector") {
    nn::tape<double> tape;
    const std::vector<double> w = {1, 2, 3, 4, 5, 6};  // (2 inputs, 3 outputs)
    const std::vector<double> x = {7, 8}, v = {1, 10, 100};
    const auto matrix = tape.constant({1, 1, 1, 6}, w.data());
    const auto f = [&](const nn::var<double>& in) {
        return nn::linear(in, matrix, nn::var<double>());
    };
    const auto at = tape.constant({1, 1, 1, 2}, x.data());
    const auto [y, product] = nn::vjp(f, at, span(v));
    CHECK(y.data()[0] == 7 * 1 + 8 * 4);
    CHECK(product.data()[0] == 321);
    CHECK(product.data()[1] == 654);
    CHECK(!y.needs_gradient());
    CHECK_THROWS_AS(nn::vjp(f, at, span(x)), std::invalid_argument);
    const auto constant = [&](const nn::var<double>&) { return matrix; };
    CHECK(nn::vjp(constant, at, span(w)).product.data()[1] == 0);
}

TEST_CASE("the mean of v J v over random signs is the trace of J, from one product each") {
    const field f;
    nn::tape<double> tape;
    const std::vector<double> x = {0.4, -0.7};
    const auto at = tape.constant({1, 1, 1, 2}, x.data());
    double trace = 0, mean = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        std::vector<double> unit(2, 0.0);
        unit[i] = 1;
        trace += nn::vjp(f, at, span(unit)).product.data()[i];
    }
    for (const double sign : {1.0, -1.0}) {  // the other two differ by a common sign
        const std::vector<double> v = {1, sign};
        const auto product = nn::vjp(f, at, span(v)).product;
        mean += (v[0] * product.data()[0] + v[1] * product.data()[1]) / 2;
    }
    CHECK(mean == Approx(trace).epsilon(1e-12));
    const double h = 1e-5;
    double differences = 0;
    for (std::size_t i = 0; i < 2; ++i)
        for (const double sign : {1.0, -1.0}) {
            std::vector<double> moved = x;
            moved[i] += sign * h;
            differences += sign * f(tape.constant({1, 1, 1, 2}, moved.data())).data()[i] / (2 * h);
        }
    CHECK(trace == Approx(differences).epsilon(1e-7));
}

TEST_CASE("a product in the midst of training leaves the gradient of the training alone") {
    field f;
    const std::vector<double> x = diffusion::test::normals(6, 1),
                              v = diffusion::test::normals(6, 2);
    const auto train = [&](bool with_product) {
        nn::tape<double> tape;
        std::vector<double> gradient(f.net.parameters().values().size());
        tape.collect(f.net.parameters(), gradient);
        const auto in = tape.constant({3, 1, 1, 2}, x.data());
        const auto y = f(in);
        const std::size_t recorded = tape.recorded();
        if (with_product) {
            const auto product = nn::vjp(f, in, span(v)).product;
            CHECK(product.data()[0] != 0);
            CHECK(!product.needs_gradient());
        }
        CHECK(tape.recorded() == recorded);
        tape.backward(nn::mse_loss(y, span(v)));
        return gradient;
    };
    const auto plain = train(false);
    CHECK(std::ranges::any_of(plain, [](double g) { return g != 0; }));
    CHECK(train(true) == plain);
}

TEST_CASE(
    "guidance: every item's gradient of log p(y | x), computed in lanes, no weight's among them") {
    field f;
    nn::lanes<double> lanes(nn::lanes_options{.threads = 2, .chunk = 2});
    const std::vector<double> x = diffusion::test::normals(10, 1);
    const std::vector<std::size_t> labels = {0, 1, 1, 0, 1};
    std::vector<double> guidance(x.size());
    lanes.evaluate(5, [&](nn::tape<double>& tape, std::size_t first, std::size_t count) {
        const auto log_p = [&](const nn::var<double>& in) {  // minus the mean over the items
            return nn::cross_entropy_loss(
                f(in), std::span<const std::size_t>(labels).subspan(first, count));
        };
        const std::vector<double> minus_count(1, -static_cast<double>(count));
        const auto in = tape.constant({count, 1, 1, 2}, x.data() + 2 * first);
        const auto product = nn::vjp(log_p, in, span(minus_count)).product;
        std::copy_n(product.data(), 2 * count, guidance.data() + 2 * first);
        CHECK(!tape.recording());
    });
    nn::tape<double> tape;
    for (std::size_t i = 0; i < 5; ++i) {
        const auto log_p = [&](double dx) {
            const std::vector<double> moved = {x[2 * i] + dx, x[2 * i + 1]};
            const auto y = f(tape.constant({1, 1, 1, 2}, moved.data()));
            const double most = std::max(y.data()[0], y.data()[1]);
            return y.data()[labels[i]] - most -
                   std::log(std::exp(y.data()[0] - most) + std::exp(y.data()[1] - most));
        };
        CHECK(guidance[2 * i] == Approx((log_p(1e-5) - log_p(-1e-5)) / 2e-5).epsilon(1e-6));
    }
}
