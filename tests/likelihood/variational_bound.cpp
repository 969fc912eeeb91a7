#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <vector>

#include <diffusion/denoiser/threshold.hpp>
#include <diffusion/grid/simple.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>
#include <diffusion/toy/gaussian_mixture.hpp>
#include <support/gaussian_toy.hpp>
#include <support/refusal.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

const discrete_schedule<> schedule;

/// In place of noise, the middles of n equally probable parts of N(0, 1) for each element of an
/// item: as each term looks at one x_t alone, means over the items are then integrals.
struct quantiles {
    vector z;

    explicit quantiles(std::size_t n) {
        for (std::size_t k = 0; k < n; ++k) {
            double low = -10, high = 10;
            for (int i = 0; i < 60; ++i) {
                const double middle = (low + high) / 2;
                const double p = std::exp(log_normal_cdf(middle));
                (p < (double(k) + 0.5) / double(n) ? low : high) = middle;
            }
            z.push_back(low);
        }
    }
    void operator()(vector& out, const noise_address&) const {
        for (std::size_t e = 0; e < out.size(); ++e) out[e] = z[e % z.size()];
    }
};

double mean_of(const vector& x) {
    double sum = 0;
    for (const double e : x) sum += e / double(x.size());
    return sum;
}

/// Data N(0, std^2), with what a perfect network with learned variance says of each step.
struct exact_model {
    support::gaussian_toy toy;
    time_grid grid;

    /// log of the variance of q(x_s | x_t), in which x_0 is not known
    double log_variance(const node& t) const {
        std::size_t i = 0;
        while (grid[i].t != t.t) ++i;
        const auto q = posterior(t, grid[i + 1]);
        const double of_x0 = toy.std * t.sigma / toy.std_at(t);  // of x_0 given x_t
        return std::log(q.c * q.c + std::pow(q.b[0] * of_x0, 2));
    }
    void operator()(const vector& x, const node& t, vector& x0) const { toy(x, t, x0); }
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        toy(x, t, x0);
        std::fill(v.begin(), v.end(), log_variance(t));
    }
};

}  // namespace

TEST_CASE("with the exact reverse process the bound is the likelihood, however few its steps") {
    const support::gaussian_toy toy{.mean = 0, .std = 0.6};
    const quantiles noise(2000);
    for (const std::size_t steps : std::initializer_list<std::size_t>{1, 2, 5, 50}) {
        const exact_model model{toy, trailing(schedule, steps)};
        const double prior_std = toy.std_at(model.grid[0]);
        const variational_bound bound(model.grid, variance_output::log_variance,
                                      continuous_gaussian{}, prior_std);
        for (const double x : {0.0, 0.7, -1.5}) {
            const auto terms = bound(vector(2000, x), 2000, model, noise);
            CHECK(-mean_of(terms.total) == Approx(log_density(x, 0, toy.std)).epsilon(2e-3));
        }
    }
}

TEST_CASE("a network may say the variance of the data instead, the same for steps of any length") {
    struct says_data_variance : exact_model {
        void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
            toy(x, t, x0);
            std::fill(v.begin(), v.end(), 2 * std::log(toy.std * t.sigma / toy.std_at(t)));
        }
    };
    const exact_model model{{.mean = 0, .std = 0.6}, trailing(schedule, 5)};
    const says_data_variance same{model};
    const continuous_gaussian density;
    const vector x(20, 0.7);
    const auto a = variational_bound(model.grid, variance_output::log_variance, density)(
        x, 4, model, gaussian_noise{2});
    const auto b = variational_bound(model.grid, variance_output::data_log_variance, density)(
        x, 4, same, gaussian_noise{2});
    for (std::size_t e = 0; e < a.steps.size(); ++e)
        CHECK(a.steps[e] == Approx(b.steps[e]).epsilon(1e-10));
}

TEST_CASE("the bound is a bound: no variance makes it better than the likelihood") {
    // Of Gaussian data everything is Gaussian, the model's p(x_0) too: x_s = a x + b (gain x +
    // shift) + c z
    const support::gaussian_toy toy{.mean = 0.3, .std = 0.5};
    const quantiles noise(500);
    for (const std::size_t steps : std::initializer_list<std::size_t>{3, 10, 40})
        for (const auto kind : {reverse_variance::small, reverse_variance::large}) {
            const time_grid grid = trailing(schedule, steps);
            double mean = 0, variance = 1;
            for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
                auto p = reverse_kernel(grid[i], grid[i + 1], kind);
                if (i + 2 == grid.size()) p.c = posterior(grid[i - 1], grid[i]).c;
                const double shift = toy.data(0, grid[i]), gain = toy.data(1, grid[i]) - shift;
                const double slope = p.a + p.b[0] * gain;
                mean = slope * mean + p.b[0] * shift;
                variance = slope * slope * variance + p.c * p.c;
            }
            const variational_bound bound(grid, kind, continuous_gaussian{});
            for (const double x : {0.3, 1.0, -0.4}) {
                const auto terms = bound(vector(500, x), 500, toy, noise);
                CHECK(-mean_of(terms.total) < log_density(x, mean, std::sqrt(variance)));
            }
        }
}

TEST_CASE("on a mixture it lies above the entropy, and comes down to it with more and more steps") {
    // The best Gaussian for q(x_s | x_t) has its variance (Bao et al. 2022, theorem 1); the shorter
    // the step, the more Gaussian it is.
    struct best_variance {
        gaussian_mixture mixture;
        time_grid grid;
        void operator()(const vector& x, const node& t, vector& x0) const { mixture(x, t, x0); }
        void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
            mixture(x, t, x0);
            std::size_t i = 0;
            while (grid[i].t != t.t) ++i;
            const auto q = posterior(t, grid[i + 1]);
            mixture.jacobian_product(x, t, vector(x.size(), 1), v);  // alpha/sigma^2 Var[x_0 | x_t]
            for (double& e : v)
                e = std::log(q.c * q.c + q.b[0] * q.b[0] * t.sigma * t.sigma / t.alpha * e);
        }
    };
    const gaussian_mixture mixture({{0.3, {-0.6}, {0.01}}, {0.7, {0.4}, {0.04}}});
    const std::size_t n = 4000;
    vector x(n);
    mixture.draw(x, 5);
    const double entropy = -mean_of(mixture.log_densities(x));
    double gap = 1e300;
    for (const std::size_t steps : std::initializer_list<std::size_t>{4, 16, 64}) {
        const best_variance model{mixture, trailing(schedule, steps)};
        const double before = gap;
        const variational_bound bound(model.grid, variance_output::log_variance,
                                      continuous_gaussian{});
        gap = mean_of(bound(x, n, model, gaussian_noise{steps}).total) - entropy;
        CHECK(gap < before / 3);
        CHECK(gap > 0);
        const variational_bound fixed(model.grid, reverse_variance::small, continuous_gaussian{});
        CHECK(mean_of(fixed(x, n, model, gaussian_noise{steps}).total) - entropy > gap);
    }
}

TEST_CASE("of each term: the prior's and the steps' are divergences, the last is the decoder's") {
    const time_grid grid = make_grid(schedule, {600, 200, 10});
    const vector x_0{-1, 1, 0.25, 127 / 127.5 - 1};
    const auto wrong = [](const vector& x, const node&, vector& x0) {
        for (std::size_t e = 0; e < x.size(); ++e) x0[e] = 0.5 * x[e];
    };
    const gaussian_noise noise{3};
    const auto terms = variational_bound(grid, reverse_variance::large)(x_0, 2, wrong, noise);
    CHECK(terms.items == 2);
    CHECK(terms.dimensions == 2);
    CHECK(terms.prior[1] == Approx(kl_divergence(grid[0].alpha * 0.25, grid[0].sigma, 0, 1) +
                                   kl_divergence(grid[0].alpha * x_0[3], grid[0].sigma, 0, 1))
                                .epsilon(1e-13));
    for (std::size_t i = 0; i < 3; ++i) {
        vector z(4), x0(4);
        noise(z, {noise_stream::forward, i, 2});
        const auto q = posterior(grid[i], grid[i + 1]);
        double sum = 0, x0_mse = 0, eps_mse = 0;
        for (std::size_t e = 2; e < 4; ++e) {
            const double x_t = grid[i].alpha * x_0[e] + grid[i].sigma * z[e];
            x0[e] = 0.5 * x_t;
            const double mean = q.a * x_t + q.b[0] * x0[e];
            sum += i < 2 ? kl_divergence(q.a * x_t + q.b[0] * x_0[e], q.c, mean,
                                         forward_kernel(grid[i + 1], grid[i]).c)
                         : -discretized_gaussian{}(x_0[e], mean, posterior(grid[1], grid[2]).c);
            x0_mse += std::pow(x0[e] - x_0[e], 2) / 2;
            const double eps = (x_t - grid[i].alpha * x0[e]) / grid[i].sigma;
            eps_mse += std::pow(eps - z[e], 2) / 2;
        }
        CHECK(terms.steps[i * 2 + 1] == Approx(sum).epsilon(1e-11));
        CHECK(terms.x0_mse[i * 2 + 1] == Approx(x0_mse).epsilon(1e-12));
        CHECK(terms.eps_mse[i * 2 + 1] == Approx(eps_mse).epsilon(1e-11));
    }
    CHECK(terms.total[0] ==
          Approx(terms.prior[0] + terms.steps[0] + terms.steps[2] + terms.steps[4]));
    CHECK(terms.bits_per_dim(0) == Approx(terms.total[0] / 2 / std::log(2.0)));
    CHECK(terms.bits_per_dim() == Approx((terms.total[0] + terms.total[1]) / 4 / std::log(2.0)));
}

TEST_CASE("a learned variance at the ends of its range is one of the fixed ones") {
    struct two_outputs_of_toy {
        support::gaussian_toy toy;
        double v;
        void operator()(const vector& x, const node& t, vector& x0) const { toy(x, t, x0); }
        void with_variance(const vector& x, const node& t, vector& x0, vector& said) const {
            toy(x, t, x0);
            std::fill(said.begin(), said.end(), v);
        }
    };
    const time_grid grid = trailing(schedule, 20);
    const vector x_0{-1, 0, 0.2, 1};
    const variational_bound learned(grid, variance_output::range);
    for (const double v : {-1.0, 1.0}) {
        const variational_bound fixed(grid,
                                      v < 0 ? reverse_variance::small : reverse_variance::large);
        const two_outputs_of_toy model{{}, v};
        const auto a = learned(x_0, 4, clipped(model), gaussian_noise{1});
        const auto b = fixed(x_0, 4, clipped(model), gaussian_noise{1});
        for (std::size_t e = 0; e < 4 * (v < 0 ? 20 : 19); ++e)
            CHECK(a.steps[e] == Approx(b.steps[e]).epsilon(1e-10));
    }
}

TEST_CASE(
    "grids that do not end with clean data, priors and denoisers that do not fit are refused") {
    using support::is_complete;
    using support::refusal;
    const auto make = [](const time_grid& grid, std::optional<double> prior_std = {}) {
        return refusal([&] {
            static_cast<void>(variational_bound(grid, reverse_variance::small,
                                                discretized_gaussian{}, prior_std));
        });
    };
    CHECK(is_complete(make({}), 0));
    CHECK(is_complete(make(make_grid(schedule, {9, 3}, grid_end::last_time)), schedule(3).sigma));
    CHECK(is_complete(make(inverted(trailing(schedule, 3)))));
    CHECK(is_complete(make(trailing(schedule, 3), 0.0), 0));
    const vector x_0(4);
    const variational_bound learned(trailing(schedule, 3), variance_output::range);
    CHECK(refusal([&] { learned(x_0, 2, support::gaussian_toy{}, gaussian_noise{}); }) ==
          "diffusion::variational_bound: a learned variance needs a denoiser with with_variance");
    CHECK(is_complete(refusal([&] { learned(x_0, 3, support::gaussian_toy{}, gaussian_noise{}); }),
                      3));
}
