#include <diffusion/sampler/multiplied.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The exact denoiser of data N(0, I), and the variance that it leaves.
struct standard_normal {
    void operator()(const vector& x, const node& t, vector& x0) const {
        ref(x0) = t.alpha * ref(x);
    }
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        (*this)(x, t, x0);
        for (double& said : v) said = 2 * std::log(t.sigma);
    }
};

const discrete_schedule<> schedule;

template <class Factor>
vector run(const time_grid& grid, Factor factor, std::size_t size,
           factor_schedule how = factor_schedule::constant) {
    vector x(size);
    draw_prior(x, grid.front(), gaussian_noise{5});
    sample(x,
           multiplied_ancestral(grid, std::move(factor), how, variance_output::data_log_variance),
           standard_normal{}, gaussian_noise{5});
    return x;
}

struct moments {
    double mean = 0, variance = 0;
    explicit moments(const vector& x) {
        const double n = static_cast<double>(x.size());
        for (const double value : x) mean += value / n;
        for (const double value : x) variance += (value - mean) * (value - mean) / n;
    }
};

}  // namespace

TEST_CASE(
    "a prior N(0, 1) times a Gaussian r is the posterior, if r_t is that of E[r(x_0) | x_t]") {
    // r = N(x_0; y, v): E[r | x_t] = N(y; alpha x_t, v + sigma^2), as a function of x_t a Gaussian
    const double y = 1.2, v = 0.25;
    const auto exact = [&](vector& mean, vector& deviation, const node& s, double) {
        const double std_r = std::sqrt(v + s.sigma * s.sigma) / s.alpha;
        for (std::size_t e = 0; e < mean.size(); ++e) {
            const auto [a, b, c] = multiplied(gaussian_kernel<0>{1, {}, deviation[e]}, std_r);
            mean[e] = a * mean[e] + b[0] * y / s.alpha;
            deviation[e] = c;
        }
    };
    // in 20 steps as well as in 200: the last one ends at t = 0, where sigma is 0.01
    for (const std::size_t n : {20U, 200U}) {
        auto times = linspace_times(1000, n);
        const moments found(run(make_grid(schedule, times, grid_end::last_time), exact, 10000));
        CHECK(found.mean == Approx(y / (1 + v)).epsilon(0.015));
        CHECK(found.variance == Approx(v / (1 + v)).epsilon(0.05));
    }
}

TEST_CASE("a constant r counts in every step: of N(0, 1) many small ones make p r^2, not p r") {
    const double y = 1, v = 1;
    const moments found(
        run(all_steps(schedule), gaussian_factor(vector(2000, y), vector(2000, 1)), 2000));
    CHECK(found.mean == Approx(2 * y / (v + 2)).epsilon(0.05));
    CHECK(found.variance == Approx(v / (v + 2)).epsilon(0.08));
}

TEST_CASE("an r that says nothing changes nothing, and then this is ancestral sampling") {
    const time_grid grid = trailing(schedule, 20);
    vector x(50);
    draw_prior(x, grid.front(), gaussian_noise{5});
    sample(x, learned_variance(grid, variance_output::data_log_variance), standard_normal{},
           gaussian_noise{5});
    const vector flat = run(grid, gaussian_factor(vector(50, 3), vector(50, infinity)), 50);
    const vector nothing = run(
        grid, [](vector&, vector&, const node&, double) {}, 50);
    for (std::size_t e = 0; e < 50; ++e) {
        CHECK(flat[e] == Approx(x[e]).epsilon(1e-12));
        CHECK(nothing[e] == Approx(x[e]).epsilon(1e-12));
    }
}

TEST_CASE("inpainting: what is known comes out as it is, and the rest is drawn") {
    vector y(1000, 0.5), std(1000, infinity);
    std[0] = std[7] = 0;
    for (const auto how : {factor_schedule::constant, factor_schedule::annealed}) {
        const vector x = run(trailing(schedule, 50), gaussian_factor(y, std), 1000, how);
        CHECK(x[0] == 0.5);
        CHECK(x[7] == 0.5);
        const moments rest(x);
        CHECK(rest.variance == Approx(1).epsilon(0.15));
    }
}

TEST_CASE("of a wide r its gradient is enough") {
    const time_grid grid = trailing(schedule, 100);
    const double y = 2, v = 25;
    const auto gradient = [&](const vector& mean, const node&, vector& out) {
        for (std::size_t e = 0; e < mean.size(); ++e) out[e] = (y - mean[e]) / v;
    };
    for (const auto how : {factor_schedule::constant, factor_schedule::annealed}) {
        const vector exact = run(grid, gaussian_factor(vector(500, y), vector(500, 5)), 500, how);
        const vector first = run(grid, gradient_factor(gradient, vector(500)), 500, how);
        for (std::size_t e = 0; e < 500; e += 50)
            CHECK(first[e] == Approx(exact[e]).epsilon(0.02).scale(1));
    }
}

TEST_CASE("the annealed r weighs less than the constant one") {
    const time_grid grid = trailing(schedule, 200);
    const auto factor = gaussian_factor(vector(4000, 2), vector(4000, 1));
    const double constant = moments(run(grid, factor, 4000)).mean;
    const double annealed = moments(run(grid, factor, 4000, factor_schedule::annealed)).mean;
    CHECK(annealed < constant - 0.05);
    CHECK(annealed > 0.2);
}

TEST_CASE("a denoiser without a variance takes the posterior's") {
    const auto plain = [](const vector& x, const node& t, vector& x0) {
        ref(x0) = t.alpha * ref(x);
    };
    const time_grid grid = trailing(schedule, 10);
    vector x(3, 1), same(3, 1);
    sample(x, multiplied_ancestral(grid, gaussian_factor(vector(3), vector(3, infinity))), plain,
           gaussian_noise{1});
    const auto small = [&](const vector& in, const node& t, vector& x0, vector& v) {
        plain(in, t, x0);
        v = vector(3, -1);  // of the range: the small end
    };
    struct with_small {
        decltype(small) f;
        void operator()(const vector& in, const node& t, vector& x0) const {
            vector v;
            f(in, t, x0, v);
        }
        void with_variance(const vector& in, const node& t, vector& x0, vector& v) const {
            f(in, t, x0, v);
        }
    };
    sample(same, learned_variance(grid), with_small{small}, gaussian_noise{1});
    for (std::size_t e = 0; e < 3; ++e) CHECK(x[e] == Approx(same[e]).epsilon(1e-12));
}

TEST_CASE("deviations that do not fit or are negative, and grids that run backwards, are refused") {
    using support::is_complete;
    using support::refusal;
    CHECK(is_complete(refusal([] { gaussian_factor(vector(3), vector(2)); }), 2));
    CHECK(is_complete(refusal([] { gaussian_factor(vector(1), vector{-1}); }), -1.0));
    CHECK(is_complete(
        refusal([] { run(trailing(schedule, 5), gaussian_factor(vector(2), vector(2)), 3); }), 2));
    const auto nothing = [](vector&, vector&, const node&, double) {};
    CHECK(is_complete(
        refusal([&] { multiplied_ancestral(inverted(trailing(schedule, 5)), nothing); })));
}
