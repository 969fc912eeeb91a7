#pragma once

#include "point.hpp"
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include <diffusion/grid/time_grid.hpp>
#include <diffusion/random/fill.hpp>
#include <diffusion/schedule/noise_level.hpp>

namespace examples {

/// x and y of every particle in turn.
using cloud = std::vector<double>;

/// The larger of the two coordinates' Kolmogorov-Smirnov distances.
inline double cloud_distance(const cloud& a, const cloud& b) {
    const auto coordinate = [](const cloud& x, std::size_t which) {
        std::vector<double> values;
        for (std::size_t i = which; i < x.size(); i += 2) values.push_back(x[i]);
        return values;
    };
    return std::max(ks_distance(coordinate(a, 0), coordinate(b, 0)),
                    ks_distance(coordinate(a, 1), coordinate(b, 1)));
}

/// A drop of ink: equal Gaussian spots of standard deviation `spread`. As a mixture of Gaussians
/// stays one under the forward process, its density and its score are known exactly at all times.
struct ink_drop {
    std::string name;
    std::vector<point> spots;
    double spread;

    /// Particle i belongs to spot i mod n; the rest is luck.
    cloud pour(std::size_t particles, std::uint64_t seed) const {
        cloud x(2 * particles);
        diffusion::fill_normal<double>(x, seed, {diffusion::noise_stream::data});
        for (std::size_t i = 0; i < particles; ++i) {
            x[2 * i] = spots[i % spots.size()].x + spread * x[2 * i];
            x[2 * i + 1] = spots[i % spots.size()].y + spread * x[2 * i + 1];
        }
        return x;
    }

    /// Calls f(spot, r) with r = P(the particle at (x, y) at time t came from this spot); returns
    /// log q_t(x, y), where q_t is the mixture of N(alpha mu, (alpha^2 spread^2 + sigma^2) I).
    template <class F>
    double for_each_origin(double x, double y, const diffusion::noise_level& t, F&& f) const {
        const double variance = t.alpha * t.alpha * spread * spread + t.sigma * t.sigma;
        const auto log_weight = [&](const point& mu) {
            const double dx = x - t.alpha * mu.x, dy = y - t.alpha * mu.y;
            return -0.5 * (dx * dx + dy * dy) / variance;
        };
        double largest = -1e300, sum = 0;
        for (const point& mu : spots) largest = std::max(largest, log_weight(mu));
        for (const point& mu : spots) sum += std::exp(log_weight(mu) - largest);
        for (const point& mu : spots) f(mu, std::exp(log_weight(mu) - largest) / sum);
        return largest + std::log(sum / double(spots.size())) -
               std::log(2 * std::numbers::pi * variance);
    }

    /// The exact denoiser E[x_0 | x_t], which is the exact score: score = (alpha x_0 - x)/sigma^2.
    void operator()(const cloud& x, const diffusion::node& t, cloud& x0) const {
        const double variance = t.alpha * t.alpha * spread * spread + t.sigma * t.sigma;
        const double pull = t.alpha * spread * spread / variance;  // towards x_t, within a spot
        for (std::size_t i = 0; i < x.size(); i += 2) {
            x0[i] = x0[i + 1] = 0;
            for_each_origin(x[i], x[i + 1], t, [&](const point& mu, double r) {
                x0[i] += r * (mu.x + pull * (x[i] - t.alpha * mu.x));
                x0[i + 1] += r * (mu.y + pull * (x[i + 1] - t.alpha * mu.y));
            });
        }
    }

    /// The entropy -E[log q_t] in nats, as the mean over the particles.
    double entropy(const cloud& x, const diffusion::noise_level& t) const {
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); i += 2)
            sum -= for_each_origin(x[i], x[i + 1], t, [](const point&, double) {});
        return sum / double(x.size() / 2);
    }
};

/// A round drop, a ring and a spiral.
inline std::vector<ink_drop> three_drops() {
    ink_drop blob{"a drop", {{-0.5, 0.45}}, 0.16};
    ink_drop ring{"a ring", {}, 0.06};
    ink_drop spiral{"a spiral", {}, 0.05};
    for (int k = 0; k < 32; ++k) {
        const double turn = 2 * std::numbers::pi * k / 32;
        ring.spots.push_back({0.9 * std::cos(turn), 0.9 * std::sin(turn)});
    }
    for (int k = 0; k < 40; ++k) {
        const double turn = 4 * std::numbers::pi * std::sqrt((k + 1) / 40.0);
        spiral.spots.push_back({0.085 * turn * std::cos(turn), 0.085 * turn * std::sin(turn)});
    }
    return {blob, ring, spiral};
}

}  // namespace examples
