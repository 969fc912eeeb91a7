#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <span>
#include <stdexcept>

#include <diffusion/rule/ancestral_flow.hpp>
#include <diffusion/rule/consistency.hpp>
#include <diffusion/rule/ddim.hpp>
#include <diffusion/rule/exponential_adams.hpp>
#include <diffusion/schedule/shifted_flow.hpp>
#include <diffusion/schedule/trigflow.hpp>

#include "rule/invariants.hpp"
#include "support/gaussian_toy.hpp"

using namespace diffusion;
using doctest::Approx;

namespace {

const support::gaussian_toy toy{0.7, 0.5};

/// The variance at the end of a run of a rule of order 1 from the exact variance at its start,
/// relative to the exact one, for a network x0-hat = p + q x with the slope q(t, s) in a step from
/// t to s.
template <class Rule, class Slope>
double variance_ratio(const Rule& rule, const time_grid& grid, Slope slope) {
    double variance = toy.std_at(grid[0]) * toy.std_at(grid[0]);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        const auto kernel = kernel_of(rule, grid, i);
        const double gain = kernel.a + kernel.b[0] * slope(grid[i], grid[i + 1]);
        variance = gain * gain * variance + kernel.c * kernel.c;
    }
    return variance / (toy.std_at(grid.back()) * toy.std_at(grid.back()));
}

double slope_of_mean(const node& t, const node&) { return toy.data(1, t) - toy.data(0, t); }

}  // namespace

TEST_CASE("consistency sampling keeps nothing of x_t, and transports the marginals") {
    for (const named_grid& g : grids()) {
        CAPTURE(g.name);
        const deviation found = marginal_deviation(consistency_sampling{}, g.grid);
        CHECK(found.mean < 1e-15);
        CHECK(found.variance < 1e-15);
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i)
            CHECK(kernel_of(consistency_sampling{}, g.grid, i).a == 0);
    }
}

TEST_CASE("consistency sampling is the limit of the exponential step for large eta") {
    for (const named_grid& g : grids())
        for (std::size_t i = 0; i + 2 < g.grid.size(); ++i) {
            CAPTURE(g.name);
            const auto limit = detail::exponential_step(g.grid[i], g.grid[i + 1], 1e6);
            CHECK(difference(kernel_of(consistency_sampling{}, g.grid, i), limit) < 1e-15);
        }
}

TEST_CASE("with a floor it is algorithm 1 of Song et al. 2023") {
    const node t = node_at(edm_schedule{}, 5), s = node_at(edm_schedule{}, 0.3);
    const auto [a, b, c] = consistency_sampling{0.002}(std::span(&t, 1), s);
    CHECK(a == 0);
    CHECK(b[0] == 1);
    CHECK(c == Approx(std::sqrt(0.3 * 0.3 - 0.002 * 0.002)).epsilon(1e-15));
    const node last = node_at(edm_schedule{}, 0.002);
    CHECK(consistency_sampling{0.002}(std::span(&t, 1), last).c == 0);
    CHECK(consistency_sampling{0.002}(std::span(&t, 1), clean_node(edm_schedule{})).c == 0);
    for (const double floor : {-0.1, double(NAN), double(INFINITY)})
        CHECK_THROWS_AS(consistency_sampling{floor}(std::span(&t, 1), s), std::invalid_argument);
}

TEST_CASE("on the circle it is sCM's sampler: x_s = cos(s) x0 + sin(s) sigma_data z") {
    const trigflow_schedule circle{0.5};
    const node t = node_at(circle, circle.t_max()), s = node_at(circle, 1.3);
    const auto [a, b, c] = consistency_sampling{}(std::span(&t, 1), s);
    CHECK(a == 0);
    CHECK(b[0] == Approx(std::cos(1.3)).epsilon(1e-15));
    CHECK(c == Approx(0.5 * std::sin(1.3)).epsilon(1e-15));
}

TEST_CASE(
    "consistency sampling is exact for a consistency function, with few steps and with many") {
    const auto to_the_end = [](const node& t, const node&) { return toy.std / toy.std_at(t); };
    for (const std::size_t n : {1u, 2u, 10u, 100u}) {
        const time_grid grid = uniform_time(vp_linear{}, n, 0.9, 0.05);
        CHECK(variance_ratio(consistency_sampling{}, grid, to_the_end) == Approx(1).epsilon(1e-13));
        const time_grid part = uniform_lambda(vp_linear{}, n, 0.9, 0.05, grid_end::last_time);
        CHECK(variance_ratio(consistency_sampling{}, part, to_the_end) == Approx(1).epsilon(1e-13));
    }
}

TEST_CASE("for a posterior mean consistency sampling loses variance, however short the steps are") {
    const auto ratio = [](std::size_t n) {
        return variance_ratio(consistency_sampling{},
                              uniform_lambda(vp_linear{}, n, 0.9, 0.3, grid_end::last_time),
                              slope_of_mean);
    };
    CHECK(ratio(100) < 0.95);
    CHECK(ratio(1000) < 0.95);
}

TEST_CASE("TCD transports the marginals, for every gamma") {
    const discrete_schedule<> schedule;
    for (const double gamma : {0.0, 0.3, 0.5, 1.0}) {
        CAPTURE(gamma);
        const deviation found = marginal_deviation(tcd{schedule, gamma}, trailing(schedule, 30));
        CHECK(found.mean < 1e-13);
        CHECK(found.variance < 1e-13);
        const time_grid flow = uniform_time(flow_schedule{}, 9);
        CHECK(marginal_deviation(tcd{flow_schedule{}, gamma}, flow).variance < 1e-13);
    }
}

TEST_CASE(
    "TCD with gamma = 0 is DDIM, and with gamma = 1 in continuous time consistency sampling") {
    const time_grid grid = uniform_time(flow_schedule{}, 9);
    for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
        CHECK(difference(kernel_of(tcd{flow_schedule{}, 0}, grid, i), kernel_of(ddim{}, grid, i)) <
              1e-15);
        CHECK(difference(kernel_of(tcd{flow_schedule{}, 1}, grid, i),
                         kernel_of(consistency_sampling{}, grid, i)) < 1e-15);
    }
    const discrete_schedule<> schedule;  // at fractional times, too
    const time_grid between = make_grid(schedule, {900.5, 300.25, 10.75});
    for (std::size_t i = 0; i + 1 < between.size(); ++i)
        CHECK(difference(kernel_of(tcd{schedule, 0}, between, i), kernel_of(ddim{}, between, i)) <
              1e-15);
}

TEST_CASE("TCD is down to (1 - gamma) s and up to s, in alpha-bars") {
    const discrete_schedule<> schedule;
    const time_grid grid = make_grid(schedule, {999, 759, 499, 259, 0}, grid_end::last_time);
    const double gamma = 0.3;
    for (std::size_t i = 0; i + 2 < grid.size(); ++i) {
        const auto bar = [&](double t) { return schedule.alpha_bar(static_cast<std::size_t>(t)); };
        const double r = std::floor((1 - gamma) * grid[i + 1].t);
        const double bar_t = bar(grid[i].t), bar_r = bar(r), bar_s = bar(grid[i + 1].t);
        const double up = std::sqrt(bar_s / bar_r), down = std::sqrt((1 - bar_r) / (1 - bar_t));
        const auto [a, b, c] = kernel_of(tcd{schedule, gamma}, grid, i);
        CHECK(a == Approx(up * down).epsilon(1e-11));
        CHECK(b[0] == Approx(up * (std::sqrt(bar_r) - down * std::sqrt(bar_t))).epsilon(1e-11));
        CHECK(c == Approx(std::sqrt(1 - bar_s / bar_r)).epsilon(1e-11));
    }
    CHECK(kernel_of(tcd{schedule, gamma}, grid, 3).c == 0);  // ends at its own first level
}

TEST_CASE("TCD is exact for a network that leads along the ODE to its r") {
    const double gamma = 0.4;
    const vp_linear schedule;
    const auto to_r = [&](const node& t, const node& s) {
        // D(x) = (flow(x) - (sigma_r/sigma_t) x)/(alpha_r - alpha_t sigma_r/sigma_t)
        const noise_level r = schedule((1 - gamma) * s.t);
        const double ratio = r.sigma / t.sigma;
        return (toy.std_at(r) / toy.std_at(t) - ratio) / (r.alpha - t.alpha * ratio);
    };
    for (const std::size_t n : {1u, 3u, 20u}) {
        const time_grid grid = uniform_time(schedule, n + 1, 0.9, 0.1);
        const time_grid part(grid.begin(), grid.end() - 1);
        CHECK(variance_ratio(tcd{schedule, gamma}, part, to_r) == Approx(1).epsilon(1e-12));
    }
}

TEST_CASE("TCD refuses a gamma outside of [0, 1] and a foreign grid") {
    const discrete_schedule<> schedule;
    const time_grid grid = trailing(schedule, 5);
    for (const double gamma : {-0.1, 1.1, double(NAN)})
        CHECK_THROWS_AS(kernel_of(tcd{schedule, gamma}, grid, 0), std::invalid_argument);
    const discrete_schedule cosine(cosine_beta{}, 1000);
    CHECK_THROWS_AS(kernel_of(tcd{schedule}, trailing(cosine, 5), 0), std::invalid_argument);
}

TEST_CASE("ancestral flow sampling transports the marginals on every schedule") {
    for (const named_grid& g : grids())
        for (const double eta : {0.0, 0.3, 1.0}) {
            CAPTURE(g.name);
            CAPTURE(eta);
            const deviation found = marginal_deviation(ancestral_flow{eta}, g.grid);
            CHECK(found.mean < 1e-13);
            CHECK(found.variance < 1e-13);
        }
}

TEST_CASE("on the straight path it is an Euler step that goes too far, and new noise") {
    // sigma_r = s (1 + (s/t - 1) eta), alpha = 1 - sigma, std^2 = s^2 - (sigma_r alpha_s/alpha_r)^2
    const time_grid grid = uniform_time(flow_schedule{}, 8);
    for (const double eta : {0.0, 0.3, 1.0})
        for (std::size_t i = 0; i + 2 < grid.size(); ++i) {
            const double t = grid[i].sigma, s = grid[i + 1].sigma;
            const double r = s * (1 + (s / t - 1) * eta), up = (1 - s) / (1 - r);
            const auto [a, b, c] = kernel_of(ancestral_flow{eta}, grid, i);
            CHECK(a == Approx(up * r / t).epsilon(1e-13));
            CHECK(b[0] == Approx(up * (1 - r / t)).epsilon(1e-13));
            CHECK(c == Approx(std::sqrt(s * s - r * r * up * up)).epsilon(1e-13));
        }
}

TEST_CASE("ancestral flow sampling with eta = 0 is DDIM, which is Euler on the straight path") {
    for (const named_grid& g : grids())
        for (std::size_t i = 0; i + 1 < g.grid.size(); ++i)
            CHECK(difference(kernel_of(ancestral_flow{0}, g.grid, i),
                             kernel_of(ddim{}, g.grid, i)) < 1e-13);
    const time_grid flow = uniform_time(flow_schedule{}, 8);
    for (std::size_t i = 0; i + 1 < flow.size(); ++i) {
        // x + (s - t) u with x0-hat = x - t u
        const double t = flow[i].t, s = flow[i + 1].t;
        const auto [a, b, c] = kernel_of(ddim{}, flow, i);
        CHECK(a + b[0] == Approx(1).epsilon(1e-15));
        CHECK(-t * b[0] == Approx(s - t).epsilon(1e-15));
        CHECK(c == 0);
    }
}

TEST_CASE("ancestral flow sampling converges in distribution with order 1") {
    for (const double eta : {0.5, 1.0}) {
        const auto error = [&](std::size_t n) {
            return std::abs(1 - variance_ratio(ancestral_flow{eta},
                                               uniform_lambda(flow_schedule{}, n, 0.9, 0.1,
                                                              grid_end::last_time),
                                               slope_of_mean));
        };
        CHECK(std::abs(std::log2(error(128) / error(256)) - 1) < 0.3);
    }
    const node t = node_at(flow_schedule{}, 0.5), s = node_at(flow_schedule{}, 0.2);
    for (const double eta : {-0.1, 1.1, double(NAN)})
        CHECK_THROWS_AS(ancestral_flow{eta}(std::span(&t, 1), s), std::invalid_argument);
}
