#include <diffusion/random/brownian.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <diffusion/denoiser/prediction.hpp>
#include <diffusion/grid/spacing.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/gaussian_noise.hpp>
#include <diffusion/rule/ddpm.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/schedule/discrete.hpp>
#include <diffusion/tensor/std.hpp>

using namespace diffusion;

namespace {

constexpr double sigma_min = 0.03, sigma_max = 14.6;

/// z of the step t -> s.
template <class T = double>
std::vector<T> draw(const brownian_noise& noise, double t, double s, std::size_t n) {
    std::vector<T> z(n);
    noise(z, {.sigma_t = t, .sigma_s = s});
    return z;
}

double product_mean(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum / static_cast<double>(a.size());
}

}  // namespace

TEST_CASE("The increments of the parts of an interval add up to its own") {
    const brownian_noise noise(1, sigma_min, sigma_max);
    const std::size_t n = 300;  // more than one chunk, and no multiple of it
    const std::vector<double> nodes = {14.6, 9.1, 9.0, 4.123456789, 0.7, 0.51, 0.03};
    std::vector<double> sum(n, 0.0);
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
        const std::vector<double> z = draw(noise, nodes[i], nodes[i + 1], n);
        for (std::size_t e = 0; e < n; ++e) sum[e] += z[e] * std::sqrt(nodes[i] - nodes[i + 1]);
    }
    const std::vector<double> whole = draw(noise, nodes.front(), nodes.back(), n);
    for (std::size_t e = 0; e < n; ++e)
        CHECK(std::abs(sum[e] - whole[e] * std::sqrt(sigma_max - sigma_min)) < 1e-14);
}

TEST_CASE("The increment is a difference of the path, which does not depend on who asks and when") {
    const brownian_noise noise(2, sigma_min, sigma_max);
    std::vector<double> at_t(300), at_s(300), part(7), at_start(3, 1.0);
    noise.fill_path(std::span(at_t), 3.0);
    noise.fill_path(std::span(at_s), 2.0);
    noise.fill_path(std::span(part), 2.0, 100);
    noise.fill_path(std::span(at_start), sigma_min);
    CHECK(part == std::vector<double>(at_s.begin() + 100, at_s.begin() + 107));
    CHECK(at_start == std::vector<double>(3, 0.0));
    const std::vector<double> z = draw(noise, 3, 2, 300), back = draw(noise, 2, 3, 300);
    for (std::size_t e = 0; e < z.size(); ++e) {
        CHECK(z[e] == doctest::Approx(at_s[e] - at_t[e]).epsilon(1e-12));
        CHECK(back[e] == -z[e]);
    }
    CHECK(draw(brownian_noise(3, sigma_min, sigma_max), 3, 2, 300) != z);
}

TEST_CASE("Increments of disjoint intervals are standard normal and independent") {
    const brownian_noise noise(4, sigma_min, sigma_max, 1e-3);
    const std::size_t n = 40000;
    const double deviation = 1 / std::sqrt(static_cast<double>(n));
    // neighbours, far apart, and one not much longer than the last intervals of the tree
    const std::vector<double> nodes = {14.6, 8, 7.3151, 7.3149, 5, 4.98, 0.03};
    std::vector<std::vector<double>> z;
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
        if (i == 2) continue;  // 7.3151 -> 7.3149 across the middle, tested below
        z.push_back(draw(noise, nodes[i], nodes[i + 1], n));
    }
    for (std::size_t i = 0; i < z.size(); ++i) {
        CAPTURE(i);
        double m1 = 0, m4 = 0;
        for (const double e : z[i]) {
            m1 += e;
            m4 += e * e * e * e;
        }
        CHECK(std::abs(m1 / static_cast<double>(n)) < 4.5 * deviation);
        CHECK(std::abs(product_mean(z[i], z[i]) - 1) < 4.5 * std::sqrt(2.0) * deviation);
        CHECK(std::abs(m4 / static_cast<double>(n) - 3) < 4.5 * std::sqrt(96.0) * deviation);
        for (std::size_t k = 0; k < i; ++k)
            CHECK(std::abs(product_mean(z[i], z[k])) < 4.5 * deviation);
    }
    // in two neighbouring last intervals: shorter than either, and still of variance 1
    const std::vector<double> across = draw(noise, 7.3151, 7.3149, n);
    CHECK(std::abs(product_mean(across, across) - 1) < 4.5 * std::sqrt(2.0) * deviation);
}

TEST_CASE("Coarser steps are sums of finer ones: Euler-Maruyama converges path by path") {
    // dx = -x ds + dW from 14.6 down to 0.6, read as time 0 .. 14: against four times as many steps
    const brownian_noise noise(5, sigma_min, sigma_max);
    const auto solve = [&](std::size_t steps) {
        std::vector<double> x(200, 1.0), z(200);
        const double h = 14.0 / static_cast<double>(steps);
        for (std::size_t i = 0; i < steps; ++i) {
            const double t = 14.6 - h * static_cast<double>(i);
            noise(z, {.sigma_t = t, .sigma_s = t - h});
            for (std::size_t e = 0; e < x.size(); ++e) x[e] += -h * x[e] + std::sqrt(h) * z[e];
        }
        return x;
    };
    const std::vector<double> reference = solve(1024);
    double error[2] = {};
    for (std::size_t k = 0; k < 2; ++k) {
        const std::vector<double> x = solve(k == 0 ? 64 : 128);
        for (std::size_t e = 0; e < x.size(); ++e)
            error[k] += (x[e] - reference[e]) * (x[e] - reference[e]);
    }
    // additive noise: strong order 1
    CHECK(std::log2(error[0] / error[1]) / 2 == doctest::Approx(1).epsilon(0.25));
}

TEST_CASE("More steps of a sampler refine the picture along a path, and make another one without") {
    const auto levels = discrete_schedule_of(std::vector<double>(1000, 0.01));
    const auto draw_picture = [&](std::size_t steps, auto noise) {
        // the exact denoiser of data N(0, 1/4)
        auto denoise = predicts_data([&](const auto& x, double t, auto& x0) {
            const auto [alpha, sigma, lambda] = levels(t);
            const double share = alpha / 4 / (alpha * alpha / 4 + sigma * sigma);
            for (std::size_t e = 0; e < x.size(); ++e) x0[e] = share * x[e];
        });
        std::vector<double> x(1000, 0.5);  // one start for all
        sample(x, multistep(ddpm{}, make_grid(levels, trailing_times(1000, steps))), denoise,
               noise);
        return x;
    };
    const auto distance = [](const std::vector<double>& a, const std::vector<double>& b) {
        double sum = 0;
        for (std::size_t e = 0; e < a.size(); ++e) sum += (a[e] - b[e]) * (a[e] - b[e]);
        return std::sqrt(sum / static_cast<double>(a.size()));
    };
    const brownian_noise path(8, 0, levels(999).sigma / levels(999).alpha);
    const gaussian_noise steps{8};
    const double along_path = distance(draw_picture(200, path), draw_picture(1000, path));
    const double with_new_noise = distance(draw_picture(200, steps), draw_picture(1000, steps));
    CHECK(along_path < 0.3 * with_new_noise);
}

TEST_CASE("Float and double tensors see the same path") {
    const brownian_noise noise(6, sigma_min, sigma_max);
    const std::vector<double> wide = draw(noise, 10, 9.9, 400);
    const std::vector<float> narrow = draw<float>(noise, 10, 9.9, 400);
    for (std::size_t e = 0; e < wide.size(); ++e)
        CHECK(std::abs(static_cast<double>(narrow[e]) - wide[e]) < 1e-4);  // W is 100 times larger
}

TEST_CASE("Draws for other purposes than a step are those of gaussian_noise") {
    const brownian_noise noise(7, sigma_min, sigma_max);
    static_assert(noise_source<const brownian_noise, std::vector<float>>);
    std::vector<float> a(50), b(50);
    const noise_address start{noise_stream::start, 0, 0, 80, 80};
    noise(a, start);
    gaussian_noise{7}(b, start);
    CHECK(a == b);
}

TEST_CASE("What the path cannot answer is refused") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double inf = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(brownian_noise(1, -1, 2), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, nan, 2), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, 1), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, inf), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, nan), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, 2, 0), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, 2, 1), std::invalid_argument);
    CHECK_THROWS_AS(brownian_noise(1, 1, 2, nan), std::invalid_argument);
    const brownian_noise noise(1, 1, 2);
    CHECK_THROWS_WITH_AS(draw(noise, 2.5, 1, 3),
                         "diffusion::brownian_noise: a step must lie within [sigma_min, sigma_max] "
                         "of the path; sigma, got 2.5",
                         std::invalid_argument);
    CHECK_THROWS_AS(draw(noise, 2, 0.5, 3), std::invalid_argument);
    CHECK_THROWS_AS(draw(noise, nan, 1.5, 3), std::invalid_argument);
    CHECK_THROWS_AS(draw(noise, 2, inf, 3), std::invalid_argument);
    CHECK_THROWS_AS(draw(noise, 1.5, 1.5, 3), std::invalid_argument);
    CHECK_THROWS_AS(draw(noise, 1.5 + 1e-9, 1.5, 3), std::invalid_argument);
    CHECK(draw(noise, 2, 1, 0).empty());
    CHECK(draw(brownian_noise(1, 1, 2, 0x1p-48), 2, 1, 3).size() == 3);
    CHECK(draw(brownian_noise(1, 1, 2, 0.5), 2, 1, 3).size() == 3);
}
