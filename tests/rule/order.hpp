#pragma once
// The order of a deterministic rule, measured from exact start values on Gaussian data, where the
// perfect denoiser and the solution are known.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>

#include <diffusion/grid/uniform.hpp>
#include <diffusion/sampler/multistep.hpp>
#include <diffusion/sampler/sample.hpp>
#include <diffusion/sampler/singlestep.hpp>
#include <diffusion/schedule/continuous.hpp>
#include <diffusion/tensor/std.hpp>

#include "support/gaussian_toy.hpp"

/// Steps of equal lambda on the linear VP schedule, ending at a positive sigma.
struct equal_lambda {
    diffusion::time_grid operator()(std::size_t n, double first, double last) const {
        return diffusion::uniform_lambda(diffusion::vp_linear{}, n, first, last,
                                         diffusion::grid_end::last_time);
    }
};

/// Steps of equal time there.
struct equal_time {
    diffusion::time_grid operator()(std::size_t n, double first, double last) const {
        std::vector<double> times(n + 1);
        for (std::size_t i = 0; i <= n; ++i)
            times[i] = first + (last - first) * static_cast<double>(i) / static_cast<double>(n);
        return diffusion::make_grid(diffusion::vp_linear{}, times, diffusion::grid_end::last_time);
    }
};

/// log2 of the ratio of the errors with n and 2 n steps, each the largest on three intervals, since
/// on one of them leading terms of the error may happen to cancel. `make` makes a plan of a grid.
template <class Make, class Grid = equal_lambda>
double measured_order_of(Make make, std::size_t n = 64, Grid grid = {}) {
    const support::gaussian_toy toy{0.7, 0.5};
    const auto error = [&](std::size_t steps, double first, double last) {
        const auto plan = make(grid(steps, first, last));
        const diffusion::time_grid& g = plan.grid();
        std::array<double, 1> x{1.9};
        auto memory = plan.init(x);
        for (std::size_t i = 0; i < steps; ++i) {
            plan.predict(i, x, memory, toy);
            if (i + 1 < plan.order) x[0] = toy.flow(1.9, g[0], g[i + 1]);
            else plan.advance(i, x, memory, diffusion::no_noise{});
        }
        return std::abs(x[0] - toy.flow(1.9, g[0], g[steps]));
    };
    const auto worst = [&](std::size_t steps) {
        return std::max({error(steps, 0.8, 0.05), error(steps, 0.8, 0.2), error(steps, 0.6, 0.1)});
    };
    return std::log2(worst(n) / worst(2 * n));
}

/// The same of a rule.
template <class Rule, class Grid = equal_lambda>
double measured_order(const Rule& rule, std::size_t n = 64, Grid grid = {}) {
    return measured_order_of(
        [&](const diffusion::time_grid& nodes) { return diffusion::multistep(rule, nodes); }, n,
        grid);
}

/// The same of a singlestep rule, on three intervals again.
template <class Rule, class Grid = equal_lambda>
double measured_singlestep_order(const Rule& rule, std::size_t n = 16, Grid grid = {}) {
    const support::gaussian_toy toy{0.7, 0.5};
    const auto error = [&](std::size_t steps, double first, double last) {
        const diffusion::singlestep plan(rule, grid(steps, first, last));
        std::array<double, 1> x{1.9};
        diffusion::sample(x, plan, toy);
        return std::abs(x[0] - toy.flow(1.9, plan.grid().front(), plan.grid().back()));
    };
    const auto worst = [&](std::size_t steps) {
        return std::max({error(steps, 0.8, 0.05), error(steps, 0.8, 0.2), error(steps, 0.6, 0.1)});
    };
    return std::log2(worst(n) / worst(2 * n));
}

/// The variance at the end of a run of a singlestep rule on data of the toy, without any
/// randomness: the denoiser is linear, so every state is a linear combination of x and the draws of
/// its step.
template <class Plan>
double variance_at_end(const Plan& plan, const support::gaussian_toy& toy, double variance) {
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const auto& step = plan.stage(i);
        constexpr std::size_t K = std::tuple_size_v<decltype(step.at)>;
        using draws =
            std::array<double, K + 2>;  // the weights of x, of the stirring and of the stages
        draws start{step.stir.a, step.stir.c}, state = start;
        std::array<draws, K> predictions{};
        for (std::size_t k = 0; k < step.count; ++k) {
            const diffusion::node& t = step.at[k];
            const double gain = Plan::combines == diffusion::prediction::data
                                    ? toy.data(1, t) - toy.data(0, t)
                                    : toy.noise(1, t) - toy.noise(0, t);
            for (std::size_t e = 0; e < K + 2; ++e) {
                predictions[k][e] = gain * state[e];
                state[e] = step.to[k].a * start[e];
                for (std::size_t j = 0; j <= k; ++j)
                    state[e] += step.to[k].b[j] * predictions[j][e];
            }
            state[k + 2] += step.to[k].c;
        }
        double next = state[0] * state[0] * variance;
        for (std::size_t e = 1; e < K + 2; ++e) next += state[e] * state[e];
        variance = next;
    }
    return variance;
}

/// The weak order of a stochastic singlestep rule, from the error of the variance. On equal steps
/// of lambda, in which no leading term cancels.
template <class Rule>
double measured_weak_order(const Rule& rule, std::size_t n = 64) {
    const support::gaussian_toy toy{0.7, 0.5};
    const auto error = [&](std::size_t steps) {
        const diffusion::singlestep plan(rule, equal_lambda{}(steps, 0.8, 0.05));
        const auto square = [](double v) { return v * v; };
        return std::abs(variance_at_end(plan, toy, square(toy.std_at(plan.grid().front()))) -
                        square(toy.std_at(plan.grid().back())));
    };
    return std::log2(error(n) / error(2 * n));
}

/// Error of the variance after n stochastic steps of a multistep rule of up to two nodes, without
/// any randomness: as the denoiser is linear, D(x) = p + q x, the covariance of (x_t, D_1) obeys a
/// linear recursion.
template <class Rule>
double multistep_variance_error(const Rule& rule, std::size_t n) {
    const support::gaussian_toy toy{0.7, 0.5};
    const diffusion::multistep plan(rule, equal_lambda{}(n, 0.8, 0.05));
    const auto& nodes = plan.grid();
    double xx = toy.std_at(nodes[0]) * toy.std_at(nodes[0]), xd = 0, dd = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const auto& kernel = plan.kernel(i);
        const double q = toy.data(1, nodes[i]) - toy.data(0, nodes[i]);
        const double u = kernel.a + kernel.b[0] * q;  // x_s = u x_t + v D_1 + c z
        const double v = kernel.b.size() > 1 ? kernel.b.back() : 0;
        const double next_xx = u * u * xx + 2 * u * v * xd + v * v * dd + kernel.c * kernel.c;
        const double next_xd = q * (u * xx + v * xd);
        dd = q * q * xx;
        xx = next_xx;
        xd = next_xd;
    }
    return std::abs(xx - toy.std_at(nodes[n]) * toy.std_at(nodes[n]));
}

/// The weak order of a stochastic multistep rule, from that error.
template <class Rule>
double measured_multistep_weak_order(const Rule& rule, std::size_t n = 128) {
    return std::log2(multistep_variance_error(rule, n) / multistep_variance_error(rule, 2 * n));
}
