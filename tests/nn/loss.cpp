#include <doctest/doctest.h>
#include <diffusion/nn/elementwise.hpp>
#include <diffusion/nn/loss.hpp>
#include <diffusion/nn/normalisation.hpp>
#include <nn/gradient_check.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace nn = diffusion::nn;
using diffusion::test::check_gradient;
using diffusion::test::normals;

TEST_CASE("the squared error is a mean over elements, and each item's share can be weighted") {
    nn::tape<double> tape;
    const std::vector<double> x = {1, 2, 3, 4}, y = {0, 2, 5, 4}, w = {3, 0.5};
    const auto p = tape.constant({2, 1, 1, 2}, x.data());
    CHECK(nn::mse_loss(p, std::span<const double>(y)).item() == 5.0 / 4);
    CHECK(nn::mse_loss(p, std::span<const double>(y), w).item() == (3 * 1 + 0.5 * 4) / 4);
    const std::vector<double> target = diffusion::test::normals(24, 3);
    diffusion::test::check_gradient({{2, 2, 2, 3}}, [&](auto&, const auto& v) {
        return nn::mse_loss(v[0], std::span<const double>(target), w);
    });
    diffusion::test::check_gradient({{2, 2, 2, 3}}, [&](auto&, const auto& v) {
        return nn::add(nn::mse_loss(v[0], std::span<const double>(target)),
                       nn::mse_loss(v[0], std::span<const double>(target)));
    });
    CHECK_THROWS_AS(nn::mse_loss(p, std::span<const double>(w)), std::invalid_argument);
    CHECK_THROWS_AS(nn::mse_loss(p, std::span<const double>(y), y), std::invalid_argument);
}

TEST_CASE("Huber's loss is a parabola near the target and straight beyond delta") {
    nn::tape<double> tape;
    const std::vector<double> x = {1, 2, 3, -4}, y = {0.5, 2, 5, -1}, w = {3, 0.5};
    const auto p = tape.constant({2, 1, 1, 2}, x.data());
    const std::span<const double> target(y);
    CHECK(nn::huber_loss(p, target).item() == (0.125 + 0 + 1.5 + 2.5) / 4);
    CHECK(nn::huber_loss(p, target, 2.5).item() == (0.125 + 0 + 2 + 2.5 * 1.75) / 4);
    CHECK(nn::huber_loss(p, target, 1, w).item() == (3 * 0.125 + 0.5 * 4) / 4);
    const std::vector<double> z = normals(24, 3);
    for (const double delta : {0.3, 1.0, 100.0})
        check_gradient({{2, 2, 2, 3}}, [&](auto&, const auto& v) {
            return nn::add(nn::huber_loss(v[0], std::span<const double>(z), delta, w),
                           nn::huber_loss(v[0], std::span<const double>(z), delta));
        });
    CHECK_THROWS_AS(nn::huber_loss(p, target, 0), std::invalid_argument);
    CHECK_THROWS_AS(nn::huber_loss(p, target, std::nan("")), std::invalid_argument);
    CHECK_THROWS_AS(nn::huber_loss(p, target.first(3)), std::invalid_argument);
}

TEST_CASE("the divergence of a Gaussian from the standard one is its integral") {
    nn::tape<double> tape;
    const double mean = 0.7, log_variance = -0.9;
    const auto kl =
        nn::kl_loss(tape.constant({1, 1, 1, 1}, &mean), tape.constant({1, 1, 1, 1}, &log_variance));
    // the integral of p log(p / q) by the trapezoidal rule
    const double deviation = std::exp(log_variance / 2);
    double integral = 0;
    for (int i = -4000; i <= 4000; ++i) {
        const double z = i / 400.0, x = mean + deviation * z;
        const double log_p = -z * z / 2 - log_variance / 2, log_q = -x * x / 2;
        integral += std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0)) / 400 * (log_p - log_q);
    }
    CHECK(kl.item() == doctest::Approx(integral).epsilon(1e-12));

    // a sum over elements, a mean over items
    const std::vector<double> m(6, mean), v(6, log_variance);
    CHECK(nn::kl_loss(tape.constant({2, 1, 3, 1}, m.data()), tape.constant({2, 1, 3, 1}, v.data()))
              .item() == doctest::Approx(3 * integral).epsilon(1e-12));
    const std::vector<double> zero(6, 0.0);
    const auto standard = tape.constant({2, 1, 3, 1}, zero.data());
    CHECK(nn::kl_loss(standard, standard).item() == 0);
    check_gradient({{3, 2, 1, 5}, {3, 2, 1, 5}},
                   [](auto&, const auto& u) { return nn::kl_loss(u[0], u[1]); });
    check_gradient({{3, 2, 1, 5}}, [](auto&, const auto& u) { return nn::kl_loss(u[0], u[0]); });
    CHECK_THROWS_AS(nn::kl_loss(standard, tape.constant({1, 2, 3, 1}, zero.data())),
                    std::invalid_argument);
}

TEST_CASE("cross-entropy is minus the logarithm of the right class's probability") {
    const std::vector<std::size_t> labels = {2, 0, 4, 1, 1, 3};
    const nn::shape s{2, 1, 3, 5};
    const std::vector<double> x = normals(s.size(), 5);
    double expected = 0;
    for (std::size_t p = 0; p < 6; ++p) {
        double sum = 0;
        for (std::size_t c = 0; c < 5; ++c) sum += std::exp(x[5 * p + c]);
        expected -= std::log(std::exp(x[5 * p + labels[p]]) / sum) / 6;
    }
    nn::tape<double> tape;
    const auto v = tape.constant(s, x.data());
    CHECK(nn::cross_entropy_loss(v, labels).item() == doctest::Approx(expected).epsilon(1e-14));
    check_gradient({s}, [&](auto&, const auto& u) {
        return nn::add(nn::cross_entropy_loss(u[0], labels), nn::cross_entropy_loss(u[0], labels));
    });
    nn::tape<float> tapef;
    const std::vector<float> far = {1000, -1000, 0};
    CHECK(nn::cross_entropy_loss(tapef.constant({1, 1, 1, 3}, far.data()),
                                 std::span<const std::size_t>(labels).first(1))
              .item() == 1000);
    const std::span<const std::size_t> few(labels.data(), 5);
    CHECK_THROWS_AS(nn::cross_entropy_loss(v, few), std::invalid_argument);
    const std::vector<std::size_t> beyond = {2, 0, 5, 1, 1, 3};
    CHECK_THROWS_AS(nn::cross_entropy_loss(v, beyond), std::invalid_argument);
}

TEST_CASE("the contrastive loss is the mean of two cross-entropies of the pairs' scores") {
    const nn::shape s{5, 1, 1, 3};
    const std::vector<double> x = normals(15, 1), z = normals(15, 2);
    const double log_scale = 0.8;
    std::vector<double> scores(25), turned(25);
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j < 5; ++j) {
            for (std::size_t c = 0; c < 3; ++c)
                scores[5 * i + j] += std::exp(log_scale) * x[3 * i + c] * z[3 * j + c];
            turned[5 * j + i] = scores[5 * i + j];
        }
    const std::vector<std::size_t> own = {0, 1, 2, 3, 4};
    nn::tape<double> tape;
    const nn::shape square{5, 1, 1, 5};
    const double expected =
        (nn::cross_entropy_loss(tape.constant(square, scores.data()), own).item() +
         nn::cross_entropy_loss(tape.constant(square, turned.data()), own).item()) /
        2;
    const auto a = tape.constant(s, x.data()), b = tape.constant(s, z.data());
    const auto one = tape.constant({1, 1, 1, 1}, &log_scale);
    CHECK(nn::contrastive_loss(a, b, one).item() == doctest::Approx(expected).epsilon(1e-14));
    // pairs without a partner to be mistaken for cost nothing
    CHECK(nn::contrastive_loss(tape.constant({1, 1, 1, 3}, x.data()),
                               tape.constant({1, 1, 1, 3}, z.data()), one)
              .item() == doctest::Approx(0).epsilon(1e-15));

    check_gradient({s, s, {1, 1, 1, 1}},
                   [](auto&, const auto& v) { return nn::contrastive_loss(v[0], v[1], v[2]); });
    check_gradient({{2, 1, 2, 3}, {1, 1, 1, 1}}, [](auto&, const auto& v) {
        return nn::contrastive_loss(nn::normalize_length(v[0]), v[0], v[1]);
    });
    CHECK_THROWS_AS(nn::contrastive_loss(a, tape.constant({5, 1, 3, 1}, z.data()), one),
                    std::invalid_argument);
    CHECK_THROWS_AS(nn::contrastive_loss(a, b, a), std::invalid_argument);
}
