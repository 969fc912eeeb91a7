#include <diffusion/likelihood/learned_times.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <ostream>
#include <vector>

#include <diffusion/likelihood/edge_step.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// Levels by t = -lambda.
struct by_lambda {
    noise_level operator()(double t) const {
        detail::require(t >= -10 && t <= 10, "by_lambda", "t must lie in [-10, 10]", t);
        return variance_preserving(-0.5 * std::log1p(std::exp(2 * t)));
    }
    double t_min() const { return -10; }
    double t_max() const { return 10; }
};

time_grid levels(int n) {
    time_grid grid;
    for (int i = 0; i < n; ++i) grid.push_back(node_at(by_lambda{}, 3 - 6.0 * i / (n - 1)));
    return grid;
}

/// Data +-1 with noise 0.05: what x_t tells of it, by Bayes' rule.
struct two_points {
    static constexpr double s = 0.05;
    void operator()(const vector& x, const node& t, vector& x0) const {
        vector v(x.size());
        with_variance(x, t, x0, v);
    }
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        const double total = t.alpha * t.alpha * s * s + t.sigma * t.sigma;
        const double gain = t.alpha * s * s / total;
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double sign = std::tanh(t.alpha * x[e] / total);  // E of which point it is
            x0[e] = sign + gain * (x[e] - t.alpha * sign);
            const double between = (1 - gain * t.alpha) * (1 - gain * t.alpha) * (1 - sign * sign);
            v[e] = std::log(s * s * t.sigma * t.sigma / total + between);
        }
    }
};

vector data(std::size_t n) {
    vector x(n);
    gaussian_noise{9}(x, {noise_stream::data});
    for (std::size_t e = 0; e < n; ++e) x[e] = (e % 2 == 0 ? 1 : -1) + two_points::s * x[e];
    return x;
}

double K(time_grid grid) {
    const edge_step end(grid.back());
    grid.push_back({-100, clean_data.alpha, clean_data.sigma, clean_data.lambda});
    const vector x_0 = data(4000);
    const variational_bound bound(grid, variance_output::data_log_variance, end);
    const bound_terms terms = bound(x_0, x_0.size(), two_points{}, gaussian_noise{4});
    double sum = 0;
    for (const double total : terms.total) sum -= total / static_cast<double>(terms.items);
    return sum;
}

}  // namespace

TEST_CASE("learned times make a better bound of as many steps, and go where things are decided") {
    const time_grid even = levels(9);
    const time_grid learned = learned_times(by_lambda{}, even, data(300), two_points{},
                                            gaussian_noise{1}, {.iterations = 40});
    CHECK(K(learned) > K(even) + 0.03);
    CHECK(learned.size() == even.size());
    CHECK(learned.front() == even.front());
    CHECK(learned.back() == even.back());
    // where x_t is nearly noise, or near one of the points, a long step is as good as many short
    // ones
    const auto length = [&](std::size_t i) { return learned[i + 1].lambda - learned[i].lambda; };
    CHECK(length(0) > 1.3 * length(4));
    CHECK(length(7) > 1.3 * length(4));
}

TEST_CASE("a node stays between its neighbours, however near one of them is") {
    time_grid grid;
    for (const double t : {10.0, 9.9, 0.0, -9.9, -10.0}) grid.push_back(node_at(by_lambda{}, t));
    const time_grid learned = learned_times(by_lambda{}, grid, data(20), two_points{},
                                            gaussian_noise{1}, {.iterations = 3});
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) CHECK(learned[i].t > learned[i + 1].t);
    CHECK(learned.back() == grid.back());
}

TEST_CASE("with many steps the bound is better than with few") {
    CHECK(K(levels(200)) > K(levels(9)) + 0.05);
}

TEST_CASE("grids that end in clean data, run backwards or are another schedule's are refused") {
    const auto learn = [](const time_grid& grid) {
        learned_times(by_lambda{}, grid, data(4), two_points{}, gaussian_noise{1});
    };
    time_grid grid = levels(4);
    CHECK_THROWS_AS(learn(inverted(grid)), std::invalid_argument);
    time_grid other = grid;
    for (node& t : other) t.t *= 0.9;
    CHECK(support::is_complete(support::refusal([&] { learn(other); })));
    grid.push_back({-100, clean_data.alpha, clean_data.sigma, clean_data.lambda});
    CHECK(support::is_complete(support::refusal([&] { learn(grid); }), 0.0));
}
