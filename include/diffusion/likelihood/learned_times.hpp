#pragma once
// The noise schedule as something that is learned: which times a chain of n steps should visit.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <diffusion/denoiser/denoiser.hpp>
#include <diffusion/detail/require.hpp>
#include <diffusion/grid/time_grid.hpp>
#include <diffusion/kernel/q_sample.hpp>
#include <diffusion/objective/weighting.hpp>
#include <diffusion/random/noise_source.hpp>

namespace diffusion {

/// How `learned_times` looks for them.
struct learned_times_options {
    std::size_t iterations = 60;
    double rate = 0.1;  ///< of Adam, on the logarithms of the steps' lengths
};

/// The grid of as many nodes with the best bound, by gradient ascent on K (Sohl-Dickstein et al.
/// 2015, section 2.4.1, where the betas are learned like that). Its first and last node stay where
/// they are; a beta_1 that is learned, too, would fit points by ever less noise.
///
/// Noise is frozen: it is drawn once, {forward, 0, 3}, and is the same at all nodes, so that K is a
/// function of the times in which the luck of a draw nearly cancels between them. Its slope is
/// taken by central differences: each time moves a little to both sides, and with it x_t and what
/// the network says of it. Of the bound's divergences, with D = e^{2 lambda_s} - e^{2 lambda_t} and
/// V the network's variance of x_0,
///
///     KL = (log(1 + D V) + (1 + D (x_0 - x_0-hat)^2) / (1 + D V) - 1) / 2,
///
/// that which ends at a node needs no call of the network. Three calls a node and iteration.
///
/// The denoiser is a `variance_denoiser` whose v is the log variance of x_0 (`relative_variance`).
/// Throws std::invalid_argument for a grid that does not run towards data, or ends in clean data,
/// or is another schedule's.
template <noise_schedule S, tensor X, variance_denoiser<X> D, noise_source<X> Z>
time_grid learned_times(const S& schedule, time_grid grid, const X& x_0, D&& denoise, Z&& noise,
                        const learned_times_options& options = {}) {
    constexpr const char* function = "diffusion::learned_times";
    detail::require_denoising(grid, function);
    detail::require(grid.back().sigma > 0, function,
                    "the last node must not be clean data; sigma must be positive",
                    grid.back().sigma);
    for (const node& t : grid)
        if (std::isfinite(t.lambda)) detail::require_own(schedule, t, function);
    const std::size_t n = grid.size(), count = elements(x_0).size();
    X z = like(x_0), x_t = like(x_0), x0 = like(x_0), v = like(x_0);
    std::vector<double> square(count), variance(count);
    noise(z, noise_address{noise_stream::forward, 0, 3});
    const auto ask = [&](const node& t) {
        q_sample(x_t, x_0, t, z);
        denoise.with_variance(std::as_const(x_t), t, x0, v);
        const auto data = elements(x_0), mean = elements(std::as_const(x0));
        const auto said = elements(std::as_const(v));
        for (std::size_t e = 0; e < count; ++e) {
            const double off = static_cast<double>(data[e]) - static_cast<double>(mean[e]);
            square[e] = off * off;
            variance[e] = std::exp(static_cast<double>(said[e]));
        }
    };
    // the divergence of the step from what was asked last to s, but for the number of elements
    const auto divergence = [&](const node& t, const node& s) {
        const double rise = signal_to_noise(s) - signal_to_noise(t);
        double sum = 0;
        for (std::size_t e = 0; e < count; ++e) {
            const double added = rise * variance[e];
            sum += 0.5 * (std::log1p(added) + (rise * square[e] - added) / (1 + added));
        }
        return sum / static_cast<double>(count);
    };

    const double whole = grid.front().t - grid.back().t;
    std::vector<double> lengths(n - 1), log_length(n - 1), first(n - 1), second(n - 1), slope(n);
    for (std::size_t j = 0; j + 1 < n; ++j) log_length[j] = std::log(grid[j].t - grid[j + 1].t);
    for (std::size_t i = 1; i <= options.iterations; ++i) {
        // so far a node moves to both sides, on which it stays between its neighbours
        const auto reach = [&](std::size_t k) {
            return 0.05 * std::min(grid[k - 1].t - grid[k].t, grid[k].t - grid[k + 1].t);
        };
        for (std::size_t k = 0; k + 1 < n; ++k) {  // d(-K)/dt of each node
            if (k > 0) {
                const double h = reach(k);
                for (const double side : {1.0, -1.0}) {
                    const node moved = node_at(schedule, grid[k].t + side * h);
                    ask(moved);
                    slope[k] += side * divergence(moved, grid[k + 1]) / (2 * h);
                }
            }
            ask(grid[k]);
            if (k + 2 < n) {
                const double h = reach(k + 1);
                const node above = node_at(schedule, grid[k + 1].t + h);
                const node below = node_at(schedule, grid[k + 1].t - h);
                slope[k + 1] = (divergence(grid[k], above) - divergence(grid[k], below)) / (2 * h);
            }
        }
        // lengths = whole softmax(log_length), and a longer step moves all nodes behind it
        for (std::size_t j = 0; j + 1 < n; ++j) lengths[j] = grid[j].t - grid[j + 1].t;
        std::vector<double> of_length(n - 1);
        double behind = 0, mean = 0;
        for (std::size_t j = n - 1; j-- > 0;) {
            of_length[j] = behind;
            if (j > 0) behind -= slope[j];
            mean += of_length[j] * lengths[j] / whole;
        }
        double sum = 0;
        for (std::size_t j = 0; j + 1 < n; ++j) {
            const double g = lengths[j] * (of_length[j] - mean);
            first[j] = 0.9 * first[j] + 0.1 * g;  // Adam (Kingma and Ba 2015)
            second[j] = 0.99 * second[j] + 0.01 * g * g;
            const double step = static_cast<double>(i);
            const double unbiased = first[j] / (1 - std::pow(0.9, step));
            const double size = std::sqrt(second[j] / (1 - std::pow(0.99, step))) + 1e-12;
            log_length[j] -= options.rate * unbiased / size;
            sum += std::exp(log_length[j]);
        }
        double t = grid.front().t;
        for (std::size_t j = 0; j + 2 < n; ++j) {
            t -= whole * std::exp(log_length[j]) / sum;
            grid[j + 1] = node_at(schedule, t);
        }
        for (double& s : slope) s = 0;
    }
    return grid;
}

}  // namespace diffusion
