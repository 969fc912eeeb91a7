#include <diffusion/objective/preconditioned.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/simple.hpp>
#include <diffusion/tensor/span.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using vector = std::vector<double>;
using doctest::Approx;

TEST_CASE("EDM's weight is lambda(sigma) on the data, and 1 on what the network itself answers") {
    const double sd = 0.7;
    for (const double sigma : {0.002, 0.3, 5.0, 80.0}) {
        const node t = node_at(edm_schedule{}, sigma);
        const double lambda = (sigma * sigma + sd * sd) / (sigma * sd * sigma * sd);
        CHECK(loss_weight(edm_weighting{sd}, target::data, t) == Approx(lambda).epsilon(1e-12));
        const double c_out = edm_scaling{sd}(t).out;
        CHECK(lambda * c_out * c_out == Approx(1).epsilon(1e-12));
    }
}

TEST_CASE("the trained network is the denoiser: its answer for one example gives back the data") {
    const vector x_0{0.5, -2, 1, 0.1};
    const auto check = [&](const auto& objective) {
        auto batch = objective.init(x_0, 2);
        objective.draw(x_0, batch, 7);
        for (std::size_t i = 0; i < 2; ++i) {
            const noise_level level = batch.levels[i];
            // the same eps, since all objectives draw theirs at the same address
            vector eps(4), x_t(4), x0(2);
            gaussian_noise{objective.seed}(eps, detail::training_draw(7, 0));
            q_sample(x_t, x_0, level, eps);
            const vector x(x_t.begin() + static_cast<std::ptrdiff_t>(2 * i),
                           x_t.begin() + static_cast<std::ptrdiff_t>(2 * i + 2));
            const auto perfect = [&](const vector& seen, double told) {
                CHECK(told == batch.times[i]);
                for (std::size_t e = 0; e < 2; ++e)
                    CHECK(seen[e] == Approx(batch.x_t[2 * i + e]).epsilon(1e-12));
                return vector{batch.target[2 * i], batch.target[2 * i + 1]};
            };
            preconditioned denoise(perfect, objective.scaling, vector(2));
            const double rho = level.sigma / level.alpha;
            denoise(x, node{rho, level.alpha, level.sigma, level.lambda}, x0);
            for (std::size_t e = 0; e < 2; ++e)
                CHECK(x0[e] == Approx(x_0[2 * i + e]).epsilon(1e-9));
        }
    };
    check(edm_objective(0.5));
    check(edm_objective(1.5, {0, 2}));
    check(preconditioned_objective(flow_schedule{}, edm_scaling{}, edm_weighting{}));
    check(preconditioned_objective(edm_schedule{0.01, 80}, consistency_scaling{}, edm_weighting{}));
}

TEST_CASE("for data of deviation sigma_data the network sees and answers unit variance") {
    // Karras et al. 2022, appendix B.6: the two requirements from which c_in and c_out follow
    const double sd = 0.3;
    vector x_0(2000);
    fill_normal<double>(x_0, 5, {noise_stream::user});
    for (double& x : x_0) x *= sd;
    const auto objective = edm_objective(sd);
    auto batch = objective.init(x_0, 2000);
    objective.draw(x_0, batch, 0);
    double seen = 0, answered = 0, weight = 0;
    for (std::size_t i = 0; i < 2000; ++i) {
        seen += batch.x_t[i] * batch.x_t[i] / 2000;
        answered += batch.target[i] * batch.target[i] / 2000;
        weight = std::fmax(weight, std::abs(batch.weights[i] - 1));
    }
    CHECK(seen == Approx(1).epsilon(0.15));  // 5 standard deviations
    CHECK(answered == Approx(1).epsilon(0.15));
    CHECK(weight < 1e-12);
}

TEST_CASE("the loss of the inner network is the weighted data loss of the denoiser") {
    const vector x_0{0.5, -2, 1, 0.1}, answer{0.3, 0.1, -0.4, 2};
    const auto objective = edm_objective(0.5);
    auto batch = objective.init(x_0, 4);
    objective.draw(x_0, batch, 1);
    vector gradient(4);
    const double inner =
        squared_error(answer, batch.target, std::span<const double>(batch.weights), gradient);
    double outer = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const double sigma = batch.levels[i].sigma, root = std::hypot(sigma, 0.5);
        const double x_t = batch.x_t[i] * root;  // undoes c_in
        const double D = 0.25 / (root * root) * x_t + sigma * 0.5 / root * answer[i];
        const double lambda = (root * root) / (sigma * 0.5 * sigma * 0.5);
        outer += lambda * (D - x_0[i]) * (D - x_0[i]) / 4;
    }
    CHECK(inner == Approx(outer).epsilon(1e-12));
}

TEST_CASE("noise levels are log-normal, one from each part, and a function of the iteration") {
    const vector x_0(8);
    const auto levels = [&](std::uint64_t iteration) {
        const auto objective = edm_objective();
        auto batch = objective.init(x_0, 8);
        objective.draw(x_0, batch, iteration);
        vector sigmas;
        for (const noise_level& t : batch.levels) sigmas.push_back(t.sigma);
        return sigmas;
    };
    CHECK(levels(3) == levels(3));
    CHECK(levels(3) != levels(4));
    const vector sigmas = levels(3);
    for (std::size_t i = 0; i < 8; ++i) {
        const double u = 0.5 * std::erfc(-(std::log(sigmas[i]) + 1.2) / 1.2 / std::sqrt(2.0));
        CHECK(u >= static_cast<double>(i) / 8);
        CHECK(u <= static_cast<double>(i + 1) / 8);
    }
}

TEST_CASE("noise may be given; what cannot be learned is refused") {
    const vector x_0{1, 2}, eps{3, -1};
    const auto objective = edm_objective();
    auto batch = objective.init(x_0, 2);
    objective.draw(x_0, eps, batch, 3);
    for (std::size_t i = 0; i < 2; ++i) {
        const double sigma = batch.levels[i].sigma;
        CHECK(batch.x_t[i] ==
              Approx((x_0[i] + sigma * eps[i]) / std::hypot(sigma, 0.5)).epsilon(1e-12));
    }
    CHECK(support::is_complete(support::refusal([&] { objective.draw(x_0, vector(3), batch, 3); }),
                               3));
    CHECK(support::is_complete(support::refusal([] { edm_objective(0); }), 0.0));
    CHECK(support::is_complete(support::refusal([] { edm_weighting{-1}(2); }), -1.0));
    const auto at_the_boundary = [](double) { return 0.002; };
    const preconditioned_objective identity(edm_schedule{}, consistency_scaling{}, edm_weighting{},
                                            at_the_boundary);
    auto none = identity.init(x_0, 2);
    CHECK(support::is_complete(support::refusal([&] { identity.draw(x_0, none, 0); }), 0.0));
}

TEST_CASE("data may be a window on memory that somebody else owns") {
    vector memory{1, 2, 3, 4};
    const std::span<double> x_0(memory);
    const auto objective = edm_objective();
    auto from_window = objective.init(x_0, 2);
    auto from_vector = objective.init(memory, 2);
    objective.draw(x_0, from_window, 3);
    objective.draw(memory, from_vector, 3);
    CHECK(from_window.x_t == from_vector.x_t);
    CHECK(from_window.target == from_vector.target);
}
