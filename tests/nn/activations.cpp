#include <doctest/doctest.h>
#include <diffusion/nn/activations.hpp>
#include <nn/gradient_check.hpp>
#include <support/worse.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;

namespace {

/// The largest difference between f on a tape and `by_definition` over [-8, 8].
template <class T, class F, class G>
double worst_difference(F&& f, G&& by_definition) {
    std::vector<T> x;
    for (int i = -400; i <= 400; ++i) x.push_back(static_cast<T>(i) / T(50));
    nn::tape<T> tape;
    const auto y = f(tape.constant({1, 1, 1, x.size()}, x.data()));
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
        worst = support::worse(worst, std::abs(static_cast<double>(y.data()[i]) -
                                               by_definition(static_cast<double>(x[i]))));
    return worst;
}

/// f in float at numbers that overflow if they are squared.
template <class F>
std::vector<float> at_extremes(F&& f) {
    nn::tape<float> tape;
    const std::vector<float> x = {-1e30F, -200, -90, 0, 90, 1e30F}, one(6, 1.0F);
    const auto v = tape.input({1, 1, 1, 6}, x.data());
    const auto y = f(v);
    std::vector<float> all(y.values().begin(), y.values().end());
    tape.backward(y, one);
    all.insert(all.end(), v.gradient().begin(), v.gradient().end());
    return all;
}

double gelu_by_definition(double x) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }
double gelu_tanh_by_definition(double x) {
    return x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))) / 2;
}

}  // namespace

TEST_CASE("SiLU and its gradient are right for any number of elements") {
    for (std::size_t n : {1U, 3U, 8U, 17U})
        check_gradient({{1, 1, 1, n}}, [](auto&, const auto& v) { return nn::silu(v[0]); });
    check_gradient({{1, 1, 2, 3}},
                   [](auto&, const auto& v) { return nn::add(nn::silu(v[0]), nn::silu(v[0])); });
}

TEST_CASE("SiLU is finite where exp overflows") {
    nn::tape<float> tape;
    const std::vector<float> x = {-1e30F, -200, -90, 0, 90, 1e30F};
    const auto y = nn::silu(tape.constant({1, 1, 1, 6}, x.data()));
    CHECK(y.data()[0] == 0);
    CHECK(y.data()[1] == 0);
    CHECK(std::abs(y.data()[2]) < 1e-35F);
    CHECK(y.data()[3] == 0);
    CHECK(y.data()[4] == 90);
    CHECK(y.data()[5] == 1e30F);
}

TEST_CASE("the gradients of ReLU and both forms of GELU are right for any number of elements") {
    for (std::size_t n : {1U, 3U, 8U, 17U}) {
        check_gradient({{1, 1, 1, n}}, [](auto&, const auto& v) { return nn::relu(v[0]); });
        check_gradient({{1, 1, n, 1}}, [](auto&, const auto& v) { return nn::gelu(v[0]); });
        check_gradient({{n, 1, 1, 1}}, [](auto&, const auto& v) { return nn::gelu_tanh(v[0]); });
    }
    check_gradient({{1, 1, 2, 3}}, [](auto&, const auto& v) {  // x has several readers
        return nn::add(nn::add(nn::relu(v[0]), nn::gelu(v[0])), nn::gelu_tanh(v[0]));
    });
}

TEST_CASE("ReLU and GELU are what their definitions say, in double and in float") {
    const auto relu = [](const auto& v) { return nn::relu(v); };
    const auto gelu = [](const auto& v) { return nn::gelu(v); };
    const auto gelu_tanh = [](const auto& v) { return nn::gelu_tanh(v); };
    const auto positive = [](double x) { return x > 0 ? x : 0; };
    CHECK(worst_difference<double>(relu, positive) == 0);
    CHECK(worst_difference<float>(relu, positive) == 0);
    CHECK(worst_difference<double>(gelu, gelu_by_definition) < 4e-15);
    CHECK(worst_difference<float>(gelu, gelu_by_definition) < 2e-6);
    CHECK(worst_difference<double>(gelu_tanh, gelu_tanh_by_definition) < 4e-15);
    CHECK(worst_difference<float>(gelu_tanh, gelu_tanh_by_definition) < 2e-6);
    const double between = worst_difference<double>(gelu_tanh, gelu_by_definition);
    CHECK(between < 5e-4);
    CHECK(between > 1e-4);  // they are two functions
}

TEST_CASE("ReLU and GELU are the identity or 0 far from 0, with derivative 1 or 0") {
    const std::vector<float> expected = {0, 0, 0, 0, 90, 1e30F, 0, 0, 0, 0.5F, 1, 1};
    CHECK(at_extremes([](const auto& v) { return nn::gelu(v); }) == expected);
    CHECK(at_extremes([](const auto& v) { return nn::gelu_tanh(v); }) == expected);
    std::vector<float> rectified = expected;
    rectified[9] = 0;
    CHECK(at_extremes([](const auto& v) { return nn::relu(v); }) == rectified);
}
