#include <diffusion/likelihood/edge_step.hpp>

#include <doctest/doctest.h>
#include <support/refusal.hpp>

#include <cmath>
#include <cstddef>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/kernel/bits.hpp>
#include <diffusion/likelihood/variational_bound.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;
using doctest::Approx;
using vector = std::vector<double>;

namespace {

/// Clean data, and n noisy levels from log SNR -8 to 12.
time_grid levels(int n) {
    time_grid grid;
    for (int i = 0; i < n; ++i) {
        const double lambda = -4 + 10.0 * i / (n - 1);
        const auto at = variance_preserving(-0.5 * std::log1p(std::exp(-2 * lambda)));
        grid.push_back({-lambda, at.alpha, at.sigma, at.lambda});
    }
    grid.push_back({-100, clean_data.alpha, clean_data.sigma, clean_data.lambda});
    return grid;
}

/// x_0 = s z in the first coordinate, r z in the second, s^2 + r^2 = 2: what is known of it is
/// known exactly.
struct gaussian {
    double variance[2] = {0.02, 1.98};
    void operator()(const vector& x, const node& t, vector& x0) const {
        vector v(x.size());
        with_variance(x, t, x0, v);
    }
    void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
        for (std::size_t e = 0; e < x.size(); ++e) {
            const double V = variance[e % 2], total = t.alpha * t.alpha * V + t.sigma * t.sigma;
            x0[e] = t.alpha * V / total * x[e];
            v[e] = std::log(V * t.sigma * t.sigma / total);
        }
    }
};

vector gaussian_data(std::size_t items) {
    vector x(2 * items);
    gaussian_noise{9}(x, {noise_stream::data});
    for (std::size_t e = 0; e < x.size(); ++e) x[e] *= std::sqrt(gaussian{}.variance[e % 2]);
    return x;
}

double K(const time_grid& grid, const vector& x_0) {
    const variational_bound bound(grid, variance_output::data_log_variance,
                                  edge_step(grid[grid.size() - 2]));
    const bound_terms terms = bound(x_0, x_0.size() / 2, gaussian{}, gaussian_noise{4});
    double sum = 0;
    for (const double total : terms.total) sum -= total;
    return sum / static_cast<double>(terms.items);
}

}  // namespace

TEST_CASE("K of Gaussian data whose reverse steps are known is the true log-likelihood, nearly") {
    const vector x_0 = gaussian_data(20000);
    const double truth = -gaussian_entropy(std::sqrt(0.02)) - gaussian_entropy(std::sqrt(1.98));
    // in coarse steps too, as the reverse steps of a Gaussian are Gaussian
    for (const int n : {10, 40}) CHECK(K(levels(n), x_0) == Approx(truth).epsilon(0.02));
}

TEST_CASE("K is the sum of the paper's terms: divergences and entropies") {
    const time_grid grid = levels(12);
    vector x_0 = gaussian_data(2000);
    double square = 0;  // variance 1 on average over axes, as eq. 14 supposes
    for (const double x : x_0) square += x * x / static_cast<double>(x_0.size());
    for (double& x : x_0) x /= std::sqrt(square);
    const variational_bound bound(grid, variance_output::data_log_variance,
                                  edge_step(grid[grid.size() - 2]));
    const std::size_t items = x_0.size() / 2;
    const bound_terms terms = bound(x_0, items, gaussian{}, gaussian_noise{4});
    double divergences = 0;
    for (std::size_t i = 0; i + 1 < bound.size(); ++i)
        for (std::size_t k = 0; k < items; ++k)
            divergences += terms.steps[i * items + k] / static_cast<double>(items);
    const double H_T = 2 * gaussian_entropy(grid.front().sigma);
    const double H_1 = 2 * gaussian_entropy(grid[grid.size() - 2].sigma);
    CHECK(K(grid, x_0) ==
          Approx(-divergences + H_T - H_1 - 2 * gaussian_entropy(1)).epsilon(1e-10));
}

TEST_CASE("a null model is what K is when nothing is learned: -4.09 bits for two axes") {
    const vector x_0 = gaussian_data(20000);
    const auto null = [](const vector& x, const node& t, vector& x0, vector& v) {
        for (std::size_t e = 0; e < x.size(); ++e) {
            x0[e] = t.alpha * x[e];  // as if the data were N(0, I)
            v[e] = 2 * std::log(t.sigma);
        }
    };
    struct denoise_null {
        decltype(null) f;
        void operator()(const vector& x, const node& t, vector& x0) const {
            vector v(x.size());
            f(x, t, x0, v);
        }
        void with_variance(const vector& x, const node& t, vector& x0, vector& v) const {
            f(x, t, x0, v);
        }
    };
    const time_grid grid = levels(10);
    const variational_bound bound(grid, variance_output::data_log_variance,
                                  edge_step(grid[grid.size() - 2]));
    const bound_terms terms = bound(x_0, x_0.size() / 2, denoise_null{null}, gaussian_noise{4});
    double sum = 0;
    for (const double total : terms.total) sum -= total / static_cast<double>(terms.items);
    CHECK(in_bits(sum) == Approx(-2 * in_bits(gaussian_entropy(1))).epsilon(0.01));
    CHECK(in_bits(sum) == Approx(-4.09).epsilon(0.01));
}

TEST_CASE("the edge step needs noise") {
    CHECK(support::is_complete(support::refusal([] { edge_step{clean_data}; }), 0.0));
}
